#!/usr/bin/env python3
"""Reserved terms and gangs, with the real program: two providers on this machine."""

import re
import signal
import subprocess
import unittest

from harness import NetworkTest, User, free_port, wait_until


class Market(NetworkTest):
    PRICE = "1.00"
    PARAMS = {"fees": "{submit_request: 0.001}", "fee_tiers": "[{from: 0.0001, percent: 50}, {from: 1000, percent: 60}]",
              "quote": "10m", "price_step": "3s", "index_min_lease": "2s"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        network = cls.network
        network.kill(network.agent, signal.SIGTERM)
        config = cls.provider.home / "provider" / "provider.yaml"
        config.write_text(re.sub(r"(?m)^  term_discounts: \[\]", "  term_discounts: [{from: 2h, percent: 20}]",
                                 config.read_text()))
        network.start_agent()
        second = cls.second = User(network, "second")
        second.hanse("wallet", "new", "--json")
        second.hanse("provider", "init", "--name", "next door", "--advertise", "127.0.0.1", "--ssh-port", free_port(),
                     "--engine", network.engine.socket, "--country", "FR", "--price", "1.50")
        second_agent = network.spawn("second", second, "provider", "start")
        cls.addClassCleanup(lambda: (second_agent.send_signal(signal.SIGTERM), second_agent.wait(timeout=60)))
        cls.addClassCleanup(network.end_all_leases)
        wait_until("both offers", lambda: len(network.get("/v1/offers?where=price%3E0")["items"]) == 2)

    def test_a_reserved_term_is_prepaid_and_leaving_it_early_is_said_before(self):
        plan = self.consumer.hanse("rent", "price<=1", "--reserved", "--duration", "2h", ok=False).err
        self.assertIn("1.60 credits, paid in advance for the whole term", plan)
        self.assertIn("after 30m 0.50 instead of 0.40, after 1h 1.00 instead of 0.80, after 1h30m 1.50 instead of 1.20",
                      plan)
        short = self.consumer.hanse("rent", "price<=1", "--reserved", "--duration", "2h", "--max-cost", "1.5", "--yes",
                                    ok=False).err
        self.assertIn("a term of 2h cost 1.60 credits", short)
        lease = self.rent("price<=1", "--reserved", "--duration", "2h")
        self.assertEqual(self.consumer.lease(lease)["locked_micros"], 1_600_000)
        wait_until("some seconds to be paid for",
                   lambda: self.network.get(f"/v1/leases/{lease}")["accrual"]["billed_s"] >= 4)
        self.assertIn("goes on: to leave it now costs", self.consumer.hanse("stop", lease, ok=False).err)
        self.assertEqual(self.consumer.lease(lease)["state"], "running")
        said = self.consumer.hanse("stop", lease, "--yes")
        self.assertRegex(said.err, rf"{lease} is reserved until .*: to leave now costs 0\.\d+ instead of 0\.\d+ credits")
        self.assertIn("1.00/h", said.out)
        self.assert_money_adds_up(lease)
        ended = self.consumer.lease(lease)
        self.assertEqual(ended["locked_micros"] - ended["refunded_micros"], ended["billed_s"] * 1_000_000 // 3600)
        self.assertIn("credits in 30 days: fees 50.00 % lower; 60.00 % from 1000.00 on",
                      self.consumer.hanse("wallet", "show").out)
        before = self.consumer.balance()
        again = self.rent("price<=1", "--duration", "1h")
        self.assertEqual(before - self.consumer.balance(), self.consumer.lease(again)["locked_micros"] + 500)
        self.consumer.hanse("stop", again, "--yes")

    def test_the_plan_says_how_long_max_cost_lasts(self):
        plan = self.consumer.hanse("rent", "price<=1", "--max-cost", "0.05", "--duration", "5h", ok=False).err
        self.assertRegex(plan, r"longest +3m, when max_cost is used up")
        self.assertIn("the amount must be above 0", self.consumer.hanse("topup", "lease-1", "0", ok=False).err)

    def test_the_price_seen_is_the_price_paid(self):
        offer = self.consumer.hanse("offers", "country=FR", "--json").json["items"][0]["offer"]["id"]
        self.second.hanse("provider", "price", "1.80")
        self.addCleanup(lambda: self.second.hanse("provider", "price", "1.50"))
        wait_until("the new price", lambda: self.network.get(f"/v1/offers/{offer}")["price"]["rate_micros_per_hour"] == 1_800_000)
        plan = self.consumer.hanse("rent", offer, ok=False).err
        self.assertRegex(plan, r"1\.50/h all-in as you saw it \d+m?s? ?.*ago; by now it is 1\.80/h")
        lease = self.rent(offer)
        self.assertEqual(self.consumer.lease(lease)["rate_micros_per_hour"], 1_500_000)
        self.consumer.hanse("stop", lease, "--yes")
        self.consumer.hanse("offers")
        dearer = self.rent(offer)
        self.assertEqual(self.consumer.lease(dearer)["rate_micros_per_hour"], 1_800_000, "as it was listed last")
        self.consumer.hanse("stop", dearer, "--yes")
        table = self.consumer.hanse("offers", "--sort", "price-").out.splitlines()
        self.assertTrue(table[0].startswith("OFFER"), table)
        self.assertTrue(table[1].startswith(offer + " "), table)

    def test_a_price_follows_what_its_class_is_rented_at(self):
        lease = self.rent("price<=1", "--duration", "1h")
        wait_until("some seconds to be paid for",
                   lambda: self.network.get(f"/v1/leases/{lease}")["accrual"]["billed_s"] >= 3)
        self.consumer.hanse("stop", lease, "--yes")
        # Of an even number of renters' prices the lower counts, so what others rented here at a higher price does not.
        wait_until("the index", lambda: self.network.get("/v1/prices?gpu=cpu")["items"][0]["index_micros"] == 1_000_000)
        offer = self.network.get("/v1/offers?where=country%3DFR")["items"][0]["offer"]["id"]
        self.assertIn("index*0.90 floor 0.20, at first 0.20/h",
                      self.second.hanse("provider", "price", "index*0.90 floor 0.20").out)
        self.addCleanup(lambda: self.second.hanse("provider", "price", "1.50"))
        wait_until("the price that follows", lambda: self.network.get(
            f"/v1/offers/{offer}")["price"]["rate_micros_per_hour"] == 900_000)
        table = self.consumer.hanse("prices").out
        self.assertRegex(table, r"cpu/europe +1\.00 +\d+\.\d+ +- +\d+ +0 of \d+ \(0 %\)")
        one = self.consumer.hanse("prices", "cpu").out
        self.assertIn("│", one)
        self.assertRegex(one, r"(?m)^ +0\.90 +\d+ +\d+$")
        self.assertIn("nobody offers a h999", self.consumer.hanse("prices", "h999", ok=False).err)
        refused = self.second.hanse("provider", "price", "index*0.90", ok=False).err
        self.assertIn("add `from` or `floor`", refused)

    def test_a_gang_is_rented_whole_and_its_machines_end_one_by_one(self):
        far = self.consumer.hanse("rent", "--machines", 2, "--same-provider", "--yes", ok=False).err
        self.assertIn("2 machines are wanted at one provider, and 1 fits", far)
        many = self.consumer.hanse("rent", "--machines", 3, "--yes", ok=False).err
        self.assertIn("3 machines are wanted, and 2 fit", many)
        rented = self.consumer.hanse("rent", "--machines", 2, "--duration", "1h", "--yes", "--json").json["leases"]
        self.assertEqual([lease["state"] for lease in rented], ["running", "running"])
        self.assertNotEqual(rented[0]["provider"], rented[1]["provider"])
        first, other = rented[0]["id"], rented[1]["id"]
        self.assertEqual({lease["gang"] for lease in rented}, {first})
        for lease in (first, other):
            self.assertIn("here", self.consumer.hanse("ssh", lease, "--", "echo", "here").out)
        self.consumer.hanse("stop", first, "--yes")
        self.assertEqual(self.consumer.lease(other)["state"], "running")
        self.consumer.hanse("stop", other, "--yes")
        for lease in (first, other):
            self.assert_money_adds_up(lease)

    def gang_job(self, run, more=""):
        return self.job("name: many\nimage: localhost/debian:bookworm-slim\nmax_duration: 1h\nmachines: 2\n"
                        f"{more}run: |\n  {run}\n")

    def test_a_job_of_two_machines_runs_on_both_and_each_knows_its_rank(self):
        job = self.gang_job("echo rank $HANSE_RANK of $HANSE_WORLD_SIZE; echo $HANSE_RANK >out; printf end",
                            "outputs: [out]\n")
        done = self.consumer.hanse("run", job, "--yes")
        self.assertEqual(sorted(done.out.splitlines()),
                         ["[0] end", "[0] rank 0 of 2", "[1] end", "[1] rank 1 of 2"])
        for rank in (0, 1):
            self.assertEqual((job.parent / f"rank-{rank}" / "out").read_text(), f"{rank}\n")
        leases = re.findall(r"lease-\d+(?=: \d+ s)", done.err)
        self.assertEqual(len(set(leases)), 2, done.err)
        for lease in leases:
            self.assertEqual(self.consumer.lease(lease)["end_reason"], "completed")
            self.assert_money_adds_up(lease)
        self.assertIn("All machines: ", done.err)

    def test_the_first_machine_that_fails_ends_the_job(self):
        job = self.gang_job("if [ $HANSE_RANK = 1 ]; then exit 7; fi; sleep 600")
        failed = self.consumer.hanse("run", job, "--yes", "--json", ok=False)
        self.assertEqual(failed.code, 7)
        report = failed.json
        self.assertEqual(report["exit_code"], 7)
        self.assertEqual([bill["lease"] for bill in report["bills"]], report["leases"])
        for lease in report["leases"]:
            self.assertEqual(self.consumer.lease(lease)["state"], "ended")

    def test_a_job_of_two_machines_runs_on_by_itself(self):
        job = self.gang_job("echo rank $HANSE_RANK")
        leases = self.consumer.hanse("run", job, "--yes", "--detach").out.split()
        self.assertEqual(len(leases), 2)
        for rank, lease in enumerate(leases):
            self.assertEqual(self.consumer.hanse("logs", "--follow", lease).out, f"rank {rank}\n")
            self.consumer.hanse("stop", lease, "--yes")

    def test_an_interrupt_ends_every_machine(self):
        job = self.gang_job("echo up; sleep 600")
        run = self.consumer.start("run", job, "--yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual({run.stdout.readline(), run.stdout.readline()}, {"[0] up\n", "[1] up\n"})
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130, err)
        self.assertIn("ending all its machines", err)
        leases = re.findall(r"lease-\d+(?=: \d+ s)", err)
        self.assertEqual([self.consumer.lease(lease)["state"] for lease in leases], ["ended"] * 2, err)


if __name__ == "__main__":
    unittest.main()
