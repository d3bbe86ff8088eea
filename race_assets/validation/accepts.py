"""What each rule accepts, in words, with the limits in force: what a person who mends a row goes by; no judging."""

from race_assets.settings import RuleSettings


def accepts(rules: RuleSettings) -> dict[str, str]:
    """By rule id, what a row or race must be like to pass."""
    prices, runners, book = rules.price_range, rules.runners, rules.over_round
    most = ", ".join(f"{country} 1 to {limit}" for country, limit in sorted(rules.trap.most.items()))
    return {
        "price_range": f"exchange prices from {prices.min:g} to {prices.max:g}, or none",
        "selection_name": "a name with at least a letter or digit besides the trap number",
        "volume": "a volume of 0 or more, or none",
        "trap": f"a trap that is run from: {most}",
        "number": "a plain number, or odds such as 3.5 or 5/2; a blank where there is none",
        "value": "one of the words the column takes; a feed's `values` translate others",
        "start_time": "an off as date and time that exist, on the race's day or the one before or after",
        "track_known": "a track of the registry or one of its aliases; `race-assets tracks add-alias` adds one",
        "local_time": "an hour that exists at the track: the clocks skip one in spring",
        "field_count": "as many fields as the header has",
        "text": "readable text: no NUL, quotes in pairs and doubled within quoted cells, a line of at most 1 MB",
        "readable": "a file, a member of an archive, or a line of a stream that is whole",
        "market_defined": "a stream with the marketDefinition of its market, and runners in it",
        "runner_known": "prices of runners that a marketDefinition names",
        "settled": "a stream that goes on until its market is CLOSED",
        "keys": "ids of its own, whole, for market and selection, and a trap or name that tells runners apart",
        "trap_once": "one standing dog per trap of a race",
        "runners": f"{runners.min:g} to {runners.max:g} runners",
        "over_round": f"prices that make a book of {book.min:g} to {book.max:g}",
        "winner": "a winner among the results, unless all are void",
        "sources_agree": f"one winner, and starting prices at most {rules.sources_agree.bsp_tolerance:.0%} apart",
        "link_ambiguous": "a race whose dogs are surely another's or surely not; `race-assets links` decides the rest",
        "clock_shift": "offs that agree with those other sources state for the same dogs",
    }
