"""What schemathesis cannot know of the contract: values of the formats that no pattern tells, and real transactions.

The network that it runs against is in the file that HANSE_TEST_WORLD names (schemathesis_test.py wrote it).
"""

import json
import os
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

WORLD = json.loads(Path(os.environ["HANSE_TEST_WORLD"]).read_text())

# By the schema: an address ends in a checksum, `where` is a language, and how long or how large a text comes to is more
# than a pattern says. `where` without a price, which spot quotes take none of.
VALUES = {
    "Address": ("hanse-address", WORLD["addresses"]),
    "Where": ("hanse-where", ["", "gpu=RTX4090", "gpu in [H100,A100] vram>=80GB", "country in [EU] reliability>=0.5",
                              "verified"]),
    "Duration": ("hanse-duration", ["1s", "90m", "1h30m", "2w", "90d"]),
    "Size": ("hanse-size", ["0B", "512MiB", "1.5TB", "200gb", "1EiB"]),
}
for name, values in VALUES.values():
    schemathesis.openapi.format(name, st.sampled_from(values))

# Bytes are a transaction only if they are signed; each of these may be sent any number of times.
schemathesis.openapi.media_type("application/x-protobuf",
                                st.sampled_from([bytes.fromhex(t) for t in WORLD["transactions"]]))


def is_known(case):
    """Has every parameter of such a schema one of the values above, or one of the document's own examples?"""
    schemas = case.operation.schema.raw_schema["components"]["schemas"]
    for parameter in case.operation.definition.raw.get("parameters", []):
        name = parameter["schema"]["$ref"].rsplit("/", 1)[1]
        given = (case.path_parameters if parameter["in"] == "path" else case.query) or {}
        if name in VALUES and parameter["name"] in given:
            if given[parameter["name"]] not in [*VALUES[name][1], *schemas[name]["examples"]]:
                return False
    return True


@schemathesis.hook
def filter_case(_context, case):
    """Leaves out what no document could rule out."""
    query = case.query or {}
    if case.operation.definition.raw["operationId"] == "listLeases" and query.get("state") == "ended":
        return bool({"consumer", "provider"} & query.keys())  # that one parameter needs one of two others
    # Where a length is bounded too, the coverage phase goes by the pattern alone, past the formats above.
    is_meant_well = case.meta is not None and case.meta.generation.mode.is_positive
    return not is_meant_well or is_known(case)


@schemathesis.hook
def flatmap_path_parameters(context, parameters):
    """Transactions that there are, for nobody guesses a hash."""
    if context.operation.path != "/v1/transactions/{hash}":
        return st.just(parameters)
    return st.one_of(st.just(parameters), st.sampled_from([{"hash": h} for h in WORLD["hashes"]]))


@schemathesis.hook
def flatmap_query(context, query):
    """A class that there is."""
    if context.operation.path != "/v1/prices/history" or not query:
        return st.just(query)
    return st.one_of(st.just(query), st.just({**query, "class": WORLD["class"]}))
