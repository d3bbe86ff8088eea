"""The currencies that volumes can be in; amounts of different currencies are never added or converted."""

CURRENCIES = (
    *("GBP", "EUR", "AUD", "NZD"),
    *("BRL", "CAD", "DKK", "HKD", "NOK", "RON", "SEK", "SGD", "USD"),
    *("MOP", "MXN", "VND"),
)
"""ISO 4217: of the countries raced in, of betting accounts, and of the other places with a greyhound track since 2008
(Macau, Tijuana, Vung Tau). Any other code is taken for a mistake."""
