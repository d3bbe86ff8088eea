"""Racing Post's own numbers of tracks; the tracks themselves are in the registry, which these names are asked of.

From public readers of its site (API_CONTRACTS 6.6): a name a payload gives goes before a number's.
"""

NAMES = {
    "4": "Monmore", "5": "Hove", "6": "Newcastle", "7": "Oxford", "11": "Romford", "16": "Yarmouth",
    "21": "Shelbourne Park", "33": "Nottingham", "34": "Sheffield", "39": "Swindon", "40": "Limerick", "41": "Clonmel",
    "42": "Cork", "45": "Dundalk", "48": "Enniscorthy", "49": "Galway", "50": "Kilkenny", "51": "Lifford",
    "53": "Mullingar", "55": "Newbridge", "56": "Thurles", "57": "Tralee", "58": "Waterford", "59": "Youghal",
    "61": "Sunderland", "62": "Perry Barr", "63": "Suffolk Downs", "66": "Doncaster", "69": "Harlow",
    "70": "Central Park", "73": "Valley", "76": "Kinsley", "86": "Star Pelaw", "88": "Drumbo Park", "98": "Towcester",
    "99": "Dunstall Park",
}  # fmt: skip
