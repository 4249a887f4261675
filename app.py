"""Open the page: ``python app.py``, then the address it prints."""

import argparse
import importlib.util

from space.ui import LAUNCH_OPTIONS, build_page


def main() -> None:
    parser = argparse.ArgumentParser(description="Open the page that colours black-and-white landscape photographs.")
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
    page = build_page(args.model, second=args.second_model)
    page.launch(
        server_name=args.host, server_port=args.port, share=args.share, mcp_server=args.mcp or None, **LAUNCH_OPTIONS
    )


if __name__ == "__main__":
    main()
