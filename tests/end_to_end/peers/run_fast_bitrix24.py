"""Reads a list with fast-bitrix24 as its README shows; prints ids and warnings as one line of JSON.

Usage: python run_fast_bitrix24.py WEBHOOK_URL METHOD
"""

import json
import sys
import warnings

from fast_bitrix24 import Bitrix

if __name__ == "__main__":
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = Bitrix(sys.argv[1], verbose=False).get_all(sys.argv[2], {"select": ["*", "UF_*"]})
    texts = [str(one.message) for one in caught if one.category is RuntimeWarning]
    json.dump({"ids": [int(row["ID"]) for row in rows], "warnings": texts}, sys.stdout)
