"""What `race-assets metrics` does: the page once, or served until somebody ends it."""

from race_assets.console import report, terminal
from race_assets.console.live import told_to_stop
from race_assets.errors import SettingsError
from race_assets.observability import metrics
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage.postgres import Warehouse


def show(settings: Settings) -> None:
    """Prints the page."""
    terminal.data(metrics.page(Opened(settings)))


def serve(settings: Settings, host: str, port: int) -> None:
    """Serves the page until SIGTERM or Ctrl-C."""
    with told_to_stop() as stopping:
        try:
            taken, end = metrics.serve(Opened(settings), host, port)
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {host}:{port}: {error.strerror or error}; --port 0 takes any free port"
            ) from error
        report.line(f"metrics on http://{host}:{taken}/metrics until Ctrl-C")
        stopping.wait()
        end()


class Opened:
    """The warehouse, opened when it is first asked for, and again after it could not be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workshop: Workshop | None = None

    def __call__(self) -> Warehouse:
        """Opens it; what the settings expect of coverage is stated then, too."""
        if self._workshop is None:
            workshop = Workshop(self._settings)
            _ = workshop.reading
            self._workshop = workshop
        return self._workshop.warehouse
