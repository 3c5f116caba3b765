"""b24api, of its 2.x or 0.4 line; prints rows, distinct ids and seconds as JSON.

Usage: python run_b24api.py WEBHOOK_URL METHOD [tuned | counted]
2.x reads by keyset and chooses its plan itself, within ceilings on pages and time; `tuned` names the plan it is fastest
with here, ranges of ids, 50 of them a request, and lifts the ceilings; `counted` asks for the number of rows and then
for all offsets, 50 a request, ceilings lifted, too. 0.4 reads ranges of ids, 50 a request, whatever the options say.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

SELECT = ["*", "UF_*"]


def ids_of_0_4(library: Any, url: str, method: str) -> Iterable[str]:
    os.environ["BITRIX24_API_WEBHOOK_URL"] = url
    request = {"method": method, "parameters": {"select": SELECT}}
    return (row["ID"] for row in library.Bitrix24().list_batched_no_count(request))


async def ids_of_2(library: Any, url: str, method: str, how: str) -> list[str]:
    identity = library.IdentitySpec(
        item_path=("ID",),
        filter_key="ID",
        order_key="ID",
        coercion=library.IdentityCoercion.DECIMAL_STRING_INTEGER,
    )
    request = library.Request.bare(method, {"select": SELECT})
    more: dict[str, Any] = {"selector": library.ResultSelector(())}
    if how:
        more["policy"] = library.ExecutionPolicy(
            max_requests=10**6,
            max_pages=10**6,
            max_elapsed=3600.0,
            max_identity_keys=10**7,
            max_buffered_rows=10**4,
            max_buffered_commands=500,
        )
    if how != "counted":
        more["identity"] = identity
    if how == "tuned":
        contracts: Any = importlib.import_module("b24api.contracts.keyset_execution")
        contract = contracts.StableIntegerKeysetContract()
        more["execution"] = contracts.RangeKeysetExecution(contract, batch_size=50)
    async with library.Bitrix24.from_webhook(url) as client:
        read = client.iter_list_counted if how == "counted" else client.iter_list_keyset
        stream = read(request, **more)
        async with stream:
            return [row["ID"] async for row in stream]


def main() -> None:
    url, method, *how = sys.argv[1:]
    library: Any = importlib.import_module("b24api")
    began = time.perf_counter()
    if hasattr(library, "IdentitySpec"):
        found = asyncio.run(ids_of_2(library, url, method, how[0] if how else ""))
    else:
        found = list(ids_of_0_4(library, url, method))
    seconds = time.perf_counter() - began
    json.dump({"rows": len(found), "distinct": len(set(found)), "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
