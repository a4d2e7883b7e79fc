"""--cors-origin of `hanse node` and `hanse up`, as a browser meets it."""

import json
import os
import shutil
import subprocess
import unittest

from node import HANSE, Node, free_port, make_folder

APP = "https://app.example.org"
ALLOWED = "Access-Control-Allow-Origin"
PREFLIGHT = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}


class NodeTest(unittest.TestCase):
    def start(self, *options):
        node = Node(options=options)
        self.addCleanup(node.stop)
        return node

    def test_pages_of_any_origin_read_and_no_more(self):
        node = self.start()
        self.assertEqual(node.ask("GET", "/v1/status", Origin=APP).headers[ALLOWED], "*")
        refused = node.ask("OPTIONS", "/v1/transactions", Origin=APP, **PREFLIGHT)
        self.assertEqual((refused.status, refused.headers[ALLOWED]), (204, None))

    def test_a_named_origin_may_send_transactions(self):
        node = self.start("--cors-origin", APP, "--cors-origin", "http://localhost:5173")
        for origin in (APP, "http://localhost:5173"):
            allowed = node.ask("OPTIONS", "/v1/transactions", Origin=origin, **PREFLIGHT)
            self.assertEqual((allowed.status, allowed.headers[ALLOWED]), (204, origin))
        sent = node.ask("POST", "/v1/transactions", b"x", Origin=APP, Content_Type="application/x-protobuf")
        self.assertEqual((sent.status, sent.headers[ALLOWED], sent.headers["Vary"]), (400, APP, "Origin"))


class UpTest(unittest.TestCase):
    def test_a_network_on_this_machine_takes_it_too(self):
        home = make_folder("e2e")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        environment = {**os.environ, "HANSE_HOME": str(home), "HOME": str(home)}
        environment.pop("HANSE_PASSPHRASE", None)

        def hanse(*words):
            return subprocess.run([HANSE, *words], env=environment, capture_output=True, text=True, check=True,
                                  stdin=subprocess.DEVNULL, timeout=180).stdout

        listen = f"127.0.0.1:{free_port()}"
        self.addCleanup(hanse, "down")
        up = hanse("up", "--no-provider", "--background", "--json", "--listen", listen, "--cors-origin", APP)
        node = Node.__new__(Node)
        node.url = json.loads(up)["url"]
        allowed = node.ask("OPTIONS", "/v1/quotes", Origin=APP, **PREFLIGHT)
        self.assertEqual((allowed.status, allowed.headers[ALLOWED]), (204, APP))


if __name__ == "__main__":
    unittest.main()
