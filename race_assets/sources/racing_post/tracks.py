"""Racing Post's own numbers of tracks, for rows without a name; the registry says which track a name means.

From public readers of its site (API_CONTRACTS 6.6), closed tracks included.
"""

NAMES = {
    "1": "Crayford", "4": "Monmore", "5": "Hove", "6": "Newcastle", "7": "Oxford", "9": "Wimbledon", "11": "Romford",
    "12": "Walthamstow", "13": "Henlow", "16": "Yarmouth", "17": "Hall Green", "18": "Belle Vue",
    "21": "Shelbourne Park", "25": "Peterborough", "33": "Nottingham", "34": "Sheffield", "35": "Poole",
    "36": "Reading", "38": "Shawfield", "39": "Swindon", "40": "Limerick", "41": "Clonmel", "42": "Cork",
    "43": "Harolds Cross", "45": "Dundalk", "48": "Enniscorthy", "49": "Galway", "50": "Kilkenny", "51": "Lifford",
    "52": "Longford",
    "53": "Mullingar", "55": "Newbridge", "56": "Thurles", "57": "Tralee", "58": "Waterford", "59": "Youghal",
    "61": "Sunderland", "62": "Perry Barr", "63": "Suffolk Downs", "66": "Doncaster", "69": "Harlow",
    "70": "Central Park", "73": "Valley", "76": "Kinsley", "83": "Coventry", "86": "Star Pelaw", "88": "Drumbo Park",
    "98": "Towcester", "99": "Dunstall Park",
}  # fmt: skip
