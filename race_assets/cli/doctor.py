"""`race-assets doctor`: what keeps race_assets from working, and the next step."""

from typing import Annotated

import typer

from race_assets.cli.common import DATA_FAILED, GOOD, USAGE, Format, open_settings


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no API.")] = False,
    output: Annotated[Format, typer.Option("--format", help="How to print the findings.")] = Format.table,
) -> None:
    """Find what keeps race_assets from working, from the disk to the login, with one next step for each thing.

    At most one login is made, and none with credentials that were refused before. Ends with 0 where all is well or only
    worth knowing, 1 with a problem, 2 where it is one of settings or credentials.

        race-assets doctor --offline
    """
    from race_assets.console import doctor as console

    findings = console.run(open_settings(), offline=offline)
    console.show(findings, output.value)
    problems = [each for each in findings if each.state == "problem"]
    raise typer.Exit(USAGE if any(each.is_credentials for each in problems) else DATA_FAILED if problems else GOOD)
