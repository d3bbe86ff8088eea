"""What Betfair's login refuses with, and what the person must do about each; how a login is made is in `login`."""

INVALID_CREDENTIALS = "INVALID_USERNAME_OR_PASSWORD"
BANNED = "TEMPORARY_BAN_TOO_MANY_REQUESTS"

GROUPS: dict[str, tuple[str, ...]] = {
    "correct betfair.username and betfair.password; a further try with the same ones could lock the account": (
        INVALID_CREDENTIALS,
    ),
    "append the one-time code to betfair.password, or set up betfair.cert_file for a login without a person": (
        "STRONG_AUTH_CODE_REQUIRED",
        "INVALID_PIN",
    ),
    "set betfair.username to the username of the one account that is meant, not to an e-mail address": (
        "EMAIL_LOGIN_NOT_ALLOWED",
        "MULTIPLE_USERS_WITH_SAME_CREDENTIAL",
    ),
    "unlock the account on Betfair's site by resetting its password, then set betfair.password": (
        "ACCOUNT_NOW_LOCKED",
        "ACCOUNT_ALREADY_LOCKED",
        "SECURITY_QUESTION_WRONG_3X",
    ),
    "change the password on Betfair's site, then set betfair.password": (
        "CHANGE_PASSWORD_REQUIRED",
        "ACCOUNT_PENDING_PASSWORD_CHANGE",
    ),
    "log in on Betfair's site once, accept or answer what it shows, then try again": (
        "ACTIONS_REQUIRED",
        "CONTACT_VERIFICATION_REQUIRED",
        "INTERNATIONAL_TERMS_ACCEPTANCE_REQUIRED",
        "ITALIAN_CONTRACT_ACCEPTANCE_REQUIRED",
        "ITALIAN_PROFILING_ACCEPTANCE_REQUIRED",
        "PERSONAL_MESSAGE_REQUIRED",
        "SPANISH_TERMS_ACCEPTANCE_REQUIRED",
        "SWEDEN_BANK_ID_VERIFICATION_REQUIRED",
        "SWEDEN_NATIONAL_IDENTIFIER_REQUIRED",
        "TELBET_TERMS_CONDITIONS_NA",
        "TERMS_AND_CONDITIONS",
    ),
    "ask Betfair's customer service what the account lacks (proof of identity, cards, a review)": (
        "DUPLICATE_CARDS",
        "KYC_SUSPEND",
        "PENDING_AUTH",
        "SUSPENDED",
    ),
    "this account can no longer be used; set betfair.username and betfair.password of another": (
        "CLOSED",
        "SELF_EXCLUDED",
    ),
    "master accounts cannot log in here; set betfair.username and betfair.password of an ordinary account": (
        "AGENT_CLIENT_MASTER",
        "AGENT_CLIENT_MASTER_SUSPENDED",
        "TRADING_MASTER",
        "TRADING_MASTER_SUSPENDED",
    ),
    "the account belongs to another jurisdiction: set betfair.jurisdiction, or move the account on Betfair's site": (
        "AUTHORIZED_ONLY_FOR_DOMAIN_RO",
        "AUTHORIZED_ONLY_FOR_DOMAIN_SE",
        "DANISH_AUTHORIZATION_REQUIRED",
        "DENMARK_MIGRATION_REQUIRED",
        "MIGRATION_REQUIRED",
        "NOT_AUTHORIZED_BY_REGULATOR_DK",
        "NOT_AUTHORIZED_BY_REGULATOR_IT",
        "SPAIN_MIGRATION_REQUIRED",
    ),
    "the regulator could not be asked about the account; try again later, then ask Betfair's customer service": (
        "INVALID_CONNECTIVITY_TO_REGULATOR_DK",
        "INVALID_CONNECTIVITY_TO_REGULATOR_IT",
    ),
    "Betfair allows no login from this machine's country or address; run from a place it allows": (
        "BETTING_RESTRICTED_LOCATION",
        "FORBIDDEN",
        "SECURITY_RESTRICTED_LOCATION",
    ),
    "upload the certificate to the account on Betfair's site, and set betfair.cert_file and betfair.key_file to it": (
        "CERT_AUTH_REQUIRED",
    ),
    "check betfair.username, betfair.password and betfair.app_key for characters that do not belong there": (
        "INPUT_VALIDATION_ERROR",
        "NO_SESSION",
    ),
    "wait: logins are refused for 20 minutes, while sessions that are open go on": (BANNED,),
}
"""What to do, and the codes it helps against (API_CONTRACTS 1.7)."""

REMEDIES = {code: remedy for remedy, codes in GROUPS.items() for code in codes}
UNKNOWN = "log in on Betfair's site to see what it wants, then ask its customer service with this code"


def remedy(code: str) -> str:
    """What the person must do about a refusal; the set is open, so an unknown code has an answer as well."""
    return REMEDIES.get(code, UNKNOWN)
