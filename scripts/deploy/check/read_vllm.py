"""Prints as JSON what `vllm serve` makes of the arguments behind `--`: the fields named before it."""

import json
import sys

from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.utils.argparse_utils import FlexibleArgumentParser

cut = sys.argv.index("--")
names, arguments = sys.argv[1:cut], sys.argv[cut + 1 :]
parsed = make_arg_parser(FlexibleArgumentParser()).parse_args(arguments)
validate_parsed_serve_args(parsed)
print(json.dumps({name: getattr(parsed, name) for name in names}, default=vars))
