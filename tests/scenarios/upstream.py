#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two feeders and the market above them as three processes on one broker: together they come to what
one market of all orders comes to; energy and money are conserved across their three ledgers; a feeder
killed in mid-round, the market above killed or not there at all.

Usage: upstream.py BUILD-FOLDER."""
import json
import os
import random
import subprocess

from bench import (BUILD, DEADLINE_S, ROOT, Bench, Broker, Market, Reader, check, format_time, run,
                   until)

SPEED = 60  # an interval of 15 min in 15 s
INTERVAL_S, GATE_S, ABOVE_S, ANSWER_S = 900, 480, 300, 120
FEEDERS = ("f1", "f2")
SETTLE = "[settlement]\nrule = traded\nmeter-wait = 5 min\n"
UPSTREAM = """[upstream]
community = city
id = {id}
round = intraday
gate-closure = 5 min
answer = 2 min
"""
LIMITS = "".join(f"[home {id}]\nimport-limit = 1 MW\nexport-limit = 1 MW\n" for id in FEEDERS)


def start_city(bench, broker):
    return Market(bench, "city", broker, community="city", gate="5 min", more=SETTLE + LIMITS)


def start_feeder(bench, broker, id):
    return Market(bench, id, broker, community=id, gate="8 min",
                  more=SETTLE + UPSTREAM.format(id=id))


class City:
    """All three, and orders of eight homes for each feeder."""

    def __init__(self, bench, above=True):
        self.bench = bench
        self.broker = Broker(bench, more="max_queued_messages 0\n")
        self.reader = Reader(bench, self.broker, "lec/#")
        self.city = start_city(bench, self.broker) if above else None
        if above:
            until("the tariff above is told", lambda: self.reader.messages("tariff"),
                  seen=self.city.text)
        self.feeder = {id: start_feeder(bench, self.broker, id) for id in FEEDERS}
        for id in FEEDERS:
            self.feeder[id].logged("broker above: connected")
        now_s = bench.house_s()
        self.at_s = (int(now_s) // INTERVAL_S + 1) * INTERVAL_S
        if self.at_s - GATE_S - now_s < 180:
            self.at_s += INTERVAL_S
        seed = random.randrange(1 << 30)
        print(f"seed {seed}", flush=True)
        self.dice = random.Random(seed)
        self.order = {}

    def topic(self, community, home, leaf):
        return f"lec/{community}/home/{home}/{leaf}"

    def message(self, home, **more):
        return json.dumps({"v": 1, "home": home, "interval": format_time(self.at_s),
                           "length_s": INTERVAL_S, **more})

    def heard(self, community, home, leaf):
        """The messages of a home for the interval."""
        topic = self.topic(community, home, leaf)
        read = [json.loads(p) for *_, t, p in self.reader.messages(leaf) if t == topic]
        return [m for m in read if m["interval"] == format_time(self.at_s)]

    def texts(self):
        return [line for market in (self.city, *self.feeder.values()) if market
                for line in market.text()]

    def bid(self):
        """Six buy dear in one feeder, six sell cheap in the other, and two of each take the other
        side at any price: so there is something to trade above, and a margin to find."""
        for number, id in enumerate(FEEDERS):
            for i in range(8):
                home = f"h{i}"
                many, low, high = (("buy", 140, 190), ("sell", 60, 120))[number]
                if i % 4 == 0:
                    side, low, high = "sell" if many == "buy" else "buy", 60, 190
                else:
                    side = many
                price = self.dice.randint(low, high) * 1000
                quantity = self.dice.randint(1500000 if side == many else 100000, 3000000)
                self.order[id, home] = (side, price, quantity)
                self.broker.publish(self.topic(id, home, "bid"), self.message(
                    home, revision=1, currency="EUR", orders=[
                        {"side": side, "price": price / 1e6, "quantity": quantity / 1e6}]))
        for id, home in self.order:
            until("a receipt", lambda id=id, home=home: self.heard(id, home, "receipt"),
                  seen=self.texts)

    def asked(self):
        """Wait until the market above has a feeder's bid on its disk."""
        for id in FEEDERS:
            said = until(f"{id} is acknowledged above",
                         lambda id=id: self.heard("city", id, "receipt"), seen=self.texts)
            check(f"{id}: its homes' curve is a bid above", said[0]["accepted"], said)

    def awarded(self, id):
        for home in (h for f, h in self.order if f == id):
            until(f"{id}: {home} is awarded", lambda home=home: self.heard(id, home, "award"),
                  seen=self.texts)

    def fact(self, market, kind, home):
        found = [json.loads(f["text"]) for f in market.facts(kind, self.at_s) if f["home"] == home]
        return found[-1] if found else None

    def welfare(self):
        """What the homes' trades are worth to them, in whole millionths times mWh."""
        sum = 0
        for (id, home), (side, price, quantity) in self.order.items():
            a = self.fact(self.feeder[id], "award", home)
            sum += price * (a["bought_mwh"] - a["sold_mwh"])
        return sum

    def single(self):
        """One market of all orders, cleared by lec-market clear."""
        path = os.path.join(self.bench.folder, "all.csv")
        with open(path, "w") as file:
            file.write("order,owner,side,price,quantity\n")
            for number, ((id, home), (side, price, quantity)) in enumerate(self.order.items()):
                file.write(f"{number},{id}-{home},{side},{price / 1e6:.6f},{quantity / 1e6:.6f}\n")
        r = subprocess.run([os.path.join(BUILD, "lec-market"), "clear", "--mechanism", "uniform",
                            path], capture_output=True, text=True, check=True, timeout=DEADLINE_S)
        return json.loads(r.stdout)

    def meter(self):
        """Every home keeps its award but one in each feeder, which does nothing."""
        until("the interval is over", lambda: self.bench.house_s() > self.at_s + INTERVAL_S + 1)
        for id, home in self.order:
            a = self.fact(self.feeder[id], "award", home)
            kept = home != "h1"
            self.broker.publish(self.topic(id, home, "meter"), self.message(
                home, import_wh=a["bought_mwh"] / 1e3 * kept, export_wh=a["sold_mwh"] / 1e3 * kept,
                known_s=INTERVAL_S))

    def settled(self):
        """Wait for all three; what each ledger's lines and accounts come to."""
        for market in (self.city, *self.feeder.values()):
            until("settled", lambda market=market: market.facts("balance", self.at_s),
                  seen=self.texts)
        lines, accounts, net, utility = 0, 0, 0, 0
        for id, market in self.feeder.items():
            for home in (h for f, h in self.order if f == id):
                line = self.fact(market, "settlement", home)
                lines += line["total_micro"]
                net += line["import_mwh"] - line["export_mwh"]
        for market in (self.city, *self.feeder.values()):
            b = json.loads(market.facts("balance", self.at_s)[-1]["text"])
            accounts += sum(b[key] for key in ("utility_account_micro", "grid_account_micro",
                                               "penalties_account_micro", "residue_account_micro"))
            utility += b["delivered_mwh"] - b["taken_mwh"]
        check("what all homes pay is what the accounts of all three ledgers get", lines == accounts,
              (lines, accounts))
        check("what all homes take is what the utility delivers by all three", net == utility,
              (net, utility))
        for id, market in self.feeder.items():
            below = self.fact(market, "settlement", f"city/{id}")
            above = self.fact(self.city, "settlement", id)
            check(f"{id}: the market above is owed there what it is owed here",
                  above["total_micro"] == -below["total_micro"] and
                  above["import_mwh"] == below["export_mwh"], (above, below))
        for market in (self.city, *self.feeder.values()):
            r = subprocess.run([os.path.join(BUILD, "lec-market"), "verify", "--ledger",
                                os.path.join(market.folder, "ledger.db")], capture_output=True,
                               text=True, timeout=DEADLINE_S, check=False)
            check("verify: sound", r.returncode == 0 and json.loads(r.stdout)["sound"], r.stdout)


def together():
    """Two feeders and the market above trade as one market; a shared reader misses nothing."""
    with Bench(SPEED) as bench:
        c = City(bench)
        archive = [Reader(bench, c.broker, "$share/archive/lec/+/market/clearing") for _ in range(2)]
        until("both readers listen", lambda: all(_listens(c, r) for r in archive), seen=c.texts)
        c.bid()
        c.asked()
        for id in FEEDERS:
            c.awarded(id)
        above = json.loads(c.city.facts("clearing", c.at_s)[0]["text"])
        check("two bids above, of sixteen homes", above["bids"] == 2 and above["sold_mwh"] > 0, above)
        single = c.single()
        check(f"the welfare of one market of all orders, {single['welfare']}",
              abs(c.welfare() / 1e12 - single["welfare"]) < 5e-7, (c.welfare(), single))
        prices = {json.loads(m.facts("clearing", c.at_s)[0]["text"])["price_micro"] - above["price_micro"]
                  for m in c.feeder.values()}
        # A mean price is as exact as the energy is large.
        check("one price above and below", max(abs(p) for p in prices) <= 1 + 500000 // above["sold_mwh"],
              (prices, above))
        c.meter()
        c.settled()
        r = subprocess.run([os.path.join(BUILD, "lec-market"), "statement", "city/f1", "--month",
                            "2026-06", "--json", "--ledger",
                            os.path.join(c.feeder["f1"].folder, "ledger.db")],
                           capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        check("the market above has a statement of its own", r.returncode == 0, r.stderr)

        def told(readers):
            return sorted(p for r in readers for _, retained, _, p in r.messages("clearing")
                          if not retained and format_time(c.at_s) in p)
        until("the archive has all clearings", lambda: len(told(archive)) >= len(told([c.reader])),
              seen=lambda: (told(archive), told([c.reader])))
        check("two readers share all clearings, each once", told(archive) == told([c.reader]) and
              len(told(archive)) == 3, told(archive))


def _listens(c, reader):
    """Publish beside the markets until a reader has heard something."""
    if not reader.messages():
        c.broker.publish("lec/none/market/clearing", "{}")
    return reader.messages()


def feeder_killed():
    """Killed between its bid and its award, a feeder takes up where it was: once, with the award."""
    with Bench(SPEED) as bench:
        c = City(bench)
        c.bid()
        c.asked()
        c.feeder["f1"].kill()
        until("it is awarded above meanwhile", lambda: c.heard("city", "f1", "award"), seen=c.texts)
        c.feeder["f1"] = start_feeder(bench, c.broker, "f1")
        for id in FEEDERS:
            c.awarded(id)
            given, known = c.fact(c.city, "award", id), c.fact(c.feeder[id], "award", f"city/{id}")
            check(f"{id}: what was awarded above is what was taken", given and known and
                  (given["bought_mwh"], given["paid_micro"], given["sold_mwh"],
                   given["received_micro"]) == (known["sold_mwh"], known["received_micro"],
                                                known["bought_mwh"], known["paid_micro"]),
                  (given, known))
            check(f"{id}: cleared once", len(c.feeder[id].facts("clearing", c.at_s)) == 1)
        check("the welfare is that of one market all the same",
              abs(c.welfare() / 1e12 - c.single()["welfare"]) < 5e-7)
        c.meter()
        c.settled()


def above_killed():
    """Killed before its gate, the market above leaves the feeders to themselves; what it awards when
    it is back is theirs to settle, and their homes notice nothing."""
    with Bench(SPEED) as bench:
        c = City(bench)
        c.bid()
        c.asked()
        c.city.kill()
        for id in FEEDERS:
            c.awarded(id)
            c.feeder[id].logged("no award in time: the community trades alone")
        c.city = start_city(bench, c.broker)
        until("it clears", lambda: c.city.facts("clearing", c.at_s), seen=c.texts)
        cleared = json.loads(c.city.facts("clearing", c.at_s)[0]["text"])
        for id in FEEDERS:
            homes = [c.fact(c.feeder[id], "award", h) for f, h in c.order if f == id]
            check(f"{id}: its homes traded with each other alone",
                  sum(a["bought_mwh"] - a["sold_mwh"] for a in homes) == 0, homes)
        if cleared["void"]:
            print("the market above came too late to clear", flush=True)
            return
        for id in FEEDERS:
            c.feeder[id].logged("an award came too late")
            given, known = c.fact(c.city, "award", id), c.fact(c.feeder[id], "award", f"city/{id}")
            check(f"{id}: what came too late stands all the same",
                  given["bought_mwh"] == known["sold_mwh"] and
                  given["sold_mwh"] == known["bought_mwh"], (given, known))
        c.meter()
        c.settled()


def nobody_above():
    """Without a market above nothing is waited for: the gate is where the community clears."""
    with Bench(SPEED) as bench:
        c = City(bench, above=False)
        c.bid()
        for id in FEEDERS:
            c.awarded(id)
            made_s = c.feeder[id].facts("clearing", c.at_s)[0]["made_s"]
            check(f"{id}: it did not wait", made_s < c.at_s - ANSWER_S, c.at_s - made_s)
            c.feeder[id].logged("not asked: it has not told its tariff")


def checked():
    """What [upstream] does is told by --check, and what cannot work is refused by its line."""
    path = os.path.join(ROOT, "etc/examples/feeder.conf")
    with open(path) as file:
        good = file.read()
    with Bench(SPEED) as bench:
        def check_file(text):
            path = os.path.join(bench.folder, "feeder.conf")
            with open(path, "w") as file:
                file.write(text)
            return subprocess.run([os.path.join(BUILD, "lec-market"), "run", "--config", path,
                                   "--check"], capture_output=True, text=True, check=False,
                                  timeout=DEADLINE_S)
        said = check_file(good)
        check("--check: bids as f17 in city", said.returncode == 0 and
              "bids as f17 in city until 240 s" in said.stderr, said.stderr)
        line = good.splitlines().index("[upstream]") + 2
        said = check_file(good.replace("\ncommunity = city\n", "\ncommunity = city-f17\n"))
        check("--check: a market that would bid in itself is refused", said.returncode == 2 and
              f"feeder.conf:{line}: community" in said.stderr, said.stderr)


run(together, feeder_killed, above_killed, nobody_above, checked)
