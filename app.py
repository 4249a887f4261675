"""Open the page: ``python app.py``, then the address it prints."""

import argparse
import importlib.util
import socket
import sys
import tempfile
from pathlib import Path

from colorization.extras import need

need("space")
from gradio.utils import get_upload_folder  # noqa: E402

from space.ui import build_page, launch_options  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description="Open the page that colors black-and-white landscape photographs.")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 for every network (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860 on)")
    parser.add_argument("--share", action="store_true", help="also make a public link, through Gradio's servers")
    parser.add_argument("--model", help="folder or Hub id of another model (default: the one that comes with the page)")
    parser.add_argument(
        "--second-model", metavar="MODEL", help="another model, to compare with in the tab that measures"
    )
    parser.add_argument("--mcp", action="store_true", help="also serve the endpoints as tools for assistants (MCP)")
    args = parser.parse_args()
    if args.mcp and importlib.util.find_spec("mcp") is None:
        parser.error("--mcp needs one more package: pip install 'gradio[mcp]'")
    if problem := problem_with(Path(get_upload_folder()), args.host, args.port):
        print(problem, file=sys.stderr)
        sys.exit(1)
    page = build_page(args.model, second=args.second_model)
    page.launch(
        server_name=args.host, server_port=args.port, share=args.share, mcp_server=args.mcp or None, **launch_options()
    )


def problem_with(folder: Path, host: str | None, port: int | None) -> str | None:
    """Why the page could not work here, as a sentence; None if it can.

    Args:
        folder: where uploads go.
        host, port: where to listen; without a port, a free one is looked for later.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return (
            f"Uploads cannot be kept in {folder}: {error.strerror}. It may belong to somebody else; name a folder of "
            "your own in the environment variable GRADIO_TEMP_DIR."
        )
    if port is not None:
        try:
            with socket.create_server((host or "127.0.0.1", port)):
                pass
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return f"The page cannot listen on port {port}: {reason}. Choose another --port, or none for a free one."
    return None


if __name__ == "__main__":
    main()
