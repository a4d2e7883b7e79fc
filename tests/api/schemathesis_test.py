"""The contract against the node: whatever schemathesis thinks of sending, the answer is what /v1/openapi.json says; and
a client that is generated from it works.

In `./test --long` only, for its packages come from PyPI, into an environment of their own in the build folder.
"""

import io
import json
import os
import re
import subprocess
import sys
import unittest
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = Path(os.environ.get("HANSE_TEST_VENV", HERE.parents[1] / "build/dev/tests/api/venv"))
PACKAGES = ["schemathesis==4.32.5", "openapi-spec-validator==0.7.2", "openapi-python-client==0.29.1",
            "protobuf==7.36.2", "cryptography==50.0.2"]
LONG = bool(os.environ.get("HANSE_LONG"))
SEED = int(os.environ.get("HANSE_TEST_SEED", "20261128"))  # another one looks elsewhere
EXAMPLES = 100  # of each operation in each phase


def make_environment():
    """Packages that nothing else here needs, once for each set of them."""
    made = VENV / "packages.txt"
    if made.exists() and made.read_text() == "\n".join(PACKAGES):
        return
    venv.create(VENV, clear=True, with_pip=True)
    subprocess.run([VENV / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
                   check=True)
    made.write_text("\n".join(PACKAGES))


def fill(node, messages, owner, renter, other):
    """Something of every kind: a provider, offers, leases that run, are kept and ended, a request that waits."""
    from node import NETWORK
    hashes = []

    def send(account, **operation):
        answer = node.ask("POST", "/v1/transactions", account.sign(messages, NETWORK, **operation),
                          Content_Type="application/x-protobuf")
        receipt = json.loads(answer.text)
        assert answer.status == 200, receipt
        hashes.append(receipt["tx_hash"])
        return int(receipt["outcomes"][0]["lease"].removeprefix("lease-") or 0)

    def rent(where="", **more):
        demand = messages["Demand"](where=where, gpu_count=1, machines=1, duration_s=3600, **more)
        wait_until_ms = node.get("/v1/status")["time_ms"] + 86_000_000 if where else 0
        lease = send(renter, submit_request=messages["SubmitRequest"](demand=demand, wait_until_ms=wait_until_ms))
        if lease:
            send(owner, confirm_lease=messages["ConfirmLease"](lease=lease, endpoint="127.0.0.1:2222",
                                                               host_key=owner.key))
        return lease

    send(owner, register_provider=messages["RegisterProvider"](name="hall", endpoint="127.0.0.1:2222",
                                                               host_key=owner.key))
    for name, gpus, price in (("box", 4, 400_000), ("dear box", 8, 900_000)):
        machine = messages["Machine"](name=name, gpu_model="RTX4090", gpu_count=gpus, vram_bytes=24 * 10**9,
                                      cpu_threads=16, memory_bytes=64 * 10**9, disk_bytes=10**12, inet_down_mbps=1000,
                                      inet_up_mbps=500, country="DE")
        prices = messages["PriceList"](on_demand_micros_per_gpu_hour=price, spot_floor_micros_per_gpu_hour=price // 4)
        send(owner, post_offer=messages["PostOffer"](machine=machine, prices=prices))
    rent()
    for more in ({}, {"keep_s": 3600, "disk_bytes": 10**9}):
        lease = rent(**more)  # its provider says that the job is done: of a kept one, the files stay
        send(owner, end_lease=messages["EndLease"](lease=lease, reason=1, note="done"))
    rent(where="gpu=H999")
    send(renter, authorize_key=messages["AuthorizeKey"](key=other.key, operations=["end_lease"],
                                                        expires_at_ms=2**52))
    return hashes


@unittest.skipUnless(LONG, "./test --long")
class ContractTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from ledger_client import Account, load_messages
        from node import NETWORK, Node
        accounts = [Account(number) for number in (1, 2, 3)]
        owner, renter, other = accounts
        cls.node = Node([a.address for a in accounts])
        cls.addClassCleanup(cls.node.stop)
        messages = load_messages(cls.node.folder)
        hashes = fill(cls.node, messages, *accounts)
        payments = [renter.sign(messages, NETWORK, valid_s=80_000,
                                transfer=messages["Transfer"](to=other.key, amount_micros=1 + i)) for i in range(20)]
        cls.payment = payments[0]
        cls.world = cls.node.folder / "world.json"
        cls.world.write_text(json.dumps({"addresses": [a.address for a in accounts], "hashes": hashes,
                                         "class": cls.node.get("/v1/prices")["items"][0]["price_class"],
                                         "transactions": [p.hex() for p in payments]}))

    def test_schemathesis_finds_nothing(self):
        found = subprocess.run(
            [VENV / "bin/schemathesis", "--config-file", HERE / "schemathesis.toml", "run",
             self.node.url + "/v1/openapi.json", "--checks", "all", "--seed", str(SEED), "--max-examples",
             str(EXAMPLES), "--continue-on-failure", "--generation-database", "none", "--no-color"],
            cwd=HERE, env={**os.environ, "HANSE_TEST_WORLD": str(self.world)},
            capture_output=True, text=True, check=False)
        said = "\n".join(line[:500] for line in found.stdout.splitlines())
        self.assertEqual(found.returncode, 0, f"{said}\n{found.stderr}")
        tested = re.search(r"Tested: (\d+)", said)
        paths = self.node.get("/v1/openapi.json")["paths"]
        every = sum(len(path) for path in paths.values()) - 1  # but for the document's own
        self.assertEqual(int(tested[1]), every, said)
        print("\n   ", re.search(r"\d+ generated.*", said)[0], flush=True)
        failures = re.findall(r'hanse_http_requests_total\{.*code="5\d\d"\}.*', self.node.ask("GET", "/metrics").text)
        self.assertEqual(failures, [], "the node's own count of its failures")

    def test_the_document_is_openapi(self):
        from openapi_spec_validator import OpenAPIV31SpecValidator
        document = self.node.get("/v1/openapi.json")
        self.assertEqual([error.message for error in OpenAPIV31SpecValidator(document).iter_errors()], [])

    def test_a_generated_client_works(self):
        folder = self.node.folder / "generated"
        subprocess.run([VENV / "bin/openapi-python-client", "generate", "--url", self.node.url + "/v1/openapi.json",
                        "--config", HERE / "python-client.yaml", "--output-path", folder],
                       stdout=subprocess.DEVNULL, check=True)
        sys.path.insert(0, str(folder))
        from hanse_node_client import Client, models, types
        from hanse_node_client.api.default import get_lease, list_leases, list_offers, quote, submit_transaction
        client = self.enterContext(Client(base_url=self.node.url))
        seen, after = [], types.UNSET
        while after is not None:
            page = list_offers.sync(client=client, sort="-price", limit=1, after=after)
            seen += [item.offer.id for item in page.items]
            after = page.next_
        self.assertEqual(seen, ["offer-2", "offer-1"])
        fitting = quote.sync(client=client, body=models.QuoteDemand(gpu_count=2, duration_s=7200))
        self.assertEqual((fitting.fits, fitting.match.offer.offer.id), (True, "offer-1"))
        live = list_leases.sync(client=client, state=models.LeaseListState.LIVE).items
        self.assertEqual([(item.lease.id, item.lease.state) for item in live],
                         [("lease-1", models.LeaseState.RUNNING), ("lease-3", models.LeaseState.KEPT)])
        none = get_lease.sync("lease-99", client=client)
        self.assertEqual((none.status, none.code), (404, models.ProblemCode.NOT_FOUND))
        receipt = submit_transaction.sync(client=client, body=types.File(payload=io.BytesIO(self.payment)))
        self.assertEqual(receipt.code, models.ReceiptCode.OK)


if __name__ == "__main__":
    if LONG and Path(sys.prefix) != VENV:
        make_environment()
        os.execv(VENV / "bin/python", [str(VENV / "bin/python"), __file__, *sys.argv[1:]])
    unittest.main()
