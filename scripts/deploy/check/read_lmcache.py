"""Prints as JSON what LMCache makes of its variables: the fields named by the arguments, once checked."""

import json
import sys

from lmcache.v1.config import LMCacheEngineConfig

config = LMCacheEngineConfig.from_env()
config.validate()
print(json.dumps({name: getattr(config, name) for name in sys.argv[1:]}))
