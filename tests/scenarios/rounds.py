#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The market's rounds over a real broker: bids, receipts, awards; what is hostile; the market killed
in mid-round again and again; the broker gone and back; two rounds side by side.

Usage: rounds.py BUILD-FOLDER."""
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import threading
from types import SimpleNamespace

from bench import (BUILD, Bench, Broker, Failed, Market, Process, Reader, check, format_time,
                   free_port, run, until)

SPEED = 90  # an interval of 15 min in 10 s
INTERVAL_S, GATE_S = 900, 120


def bid(home, interval_s, revision, *orders, **more):
    return json.dumps({"v": 1, "home": home, "interval": format_time(interval_s), "length_s": INTERVAL_S,
                       "revision": revision, "currency": "EUR",
                       "orders": [{"side": side, "price": price, "quantity": quantity}
                                  for side, price, quantity in orders], **more})


def topic(home, leaf="bid"):
    return f"lec/fjord/home/{home}/{leaf}"


def of_home(reader, home, leaf):
    return [json.loads(p) for *_, t, p in reader.messages(leaf) if t == topic(home, leaf)]


def next_interval(bench, room_s=300):
    """The interval to bid for: its gate leaves that much of the house's time."""
    now_s = bench.house_s()
    start_s = (int(now_s) // INTERVAL_S + 1) * INTERVAL_S
    return start_s if start_s - GATE_S - now_s > room_s else start_s + INTERVAL_S


def receipt(reader, home, interval_s, revision):
    """A condition: the receipt for that bid."""
    def find():
        return next((r for r in of_home(reader, home, "receipt") if r.get("revision") == revision and
                     r["interval"] == format_time(interval_s)), None)
    return find


def award(reader, home, interval_s, name="intraday"):
    def find():
        return next((a for a in of_home(reader, home, "award") if a["round"] == name and
                     a["interval"] == format_time(interval_s)), None)
    return find


def started(bench, **options):
    broker = Broker(bench)
    reader = Reader(bench, broker)
    market = Market(bench, "market", broker, **options)
    until("the market is online", lambda: [p for *_, p in reader.messages("status")] == ["online"],
          seen=lambda: reader.text() + market.text())
    return broker, reader, market


def metered(broker, at_s):
    """Readings as if everybody had kept what was traded."""
    for home, import_wh, export_wh in (("buyer", 1500, 0), ("seller", 0, 1500), ("gone", 0, 0)):
        broker.publish(topic(home, "meter"), json.dumps({
            "v": 1, "home": home, "interval": format_time(at_s), "length_s": INTERVAL_S,
            "import_wh": import_wh, "export_wh": export_wh, "known_s": INTERVAL_S}))


def simple():
    """Two homes trade; the later revision counts; the withdrawn one does not."""
    with Bench(SPEED) as bench:
        broker, reader, market = started(bench)
        at_s = next_interval(bench)
        broker.publish(topic("buyer"), bid("buyer", at_s, 1, ("buy", 0.12, 9)))
        broker.publish(topic("buyer"), bid("buyer", at_s, 2, ("buy", 0.30, 2), ("buy", 0.2, 1)))
        broker.publish(topic("seller"), bid("seller", at_s, 1, ("sell", 0.1, 1.5)))
        broker.publish(topic("gone"), bid("gone", at_s, 1, ("sell", 0.01, 4)))
        broker.publish(topic("gone"), bid("gone", at_s, 2))
        for home, revision, taken in (("buyer", 1, False), ("buyer", 2, True), ("seller", 1, True),
                                      ("gone", 1, True), ("gone", 2, True)):
            said = until(f"a receipt for {home} {revision}", receipt(reader, home, at_s, revision),
                         seen=lambda: reader.text() + market.text())
            check(f"{home} {revision}: " + ("taken" if taken else "more than its connection: refused"),
                  said["accepted"] == taken and (said["round"] == "intraday") == taken and
                  ("connection" in (said["reason"] or "")) != taken, said)
        bought = until("the buyer's award", award(reader, "buyer", at_s), seen=reader.text)
        sold = until("the seller's award", award(reader, "seller", at_s), seen=reader.text)
        check("what one sells the other buys", bought["bought_kwh"] == 1.5 == sold["sold_kwh"] and
              bought["paid"] == sold["received"], (bought, sold))
        check("at a price between them", 0.1 <= bought["price"] <= 0.2 and
              bought["price"] == sold["price"], bought)
        last = until("the clearing", lambda: next((
            json.loads(p) for *_, p in reader.messages("clearing") if
            json.loads(p)["interval"] == format_time(at_s)), None), seen=reader.text)
        check("the clearing is told", last["bids"] == 2 and last["bought_kwh"] == 1.5, last)
        check("who withdrew got nothing", not of_home(reader, "gone", "award"))
        reader2 = Reader(bench, broker)
        until("what is retained", lambda: {"status", "tariff", "round", "clearing"} <= {
            t.rsplit("/", 1)[-1] for _, kept, t, _ in reader2.messages() if kept}, seen=reader2.text)
        offered = json.loads(next(p for *_, p in reader2.messages("round")))["open"]
        check("the open rounds are told with their gates", any(
            o["round"] == "intraday" and o["gate"] < o["interval"] for o in offered), offered)
        metered(broker, at_s)
        check("a reading of an interval that is not over is refused",
              market.logged("buyer/meter: interval") is not None)
        until("the interval is over", lambda: bench.house_s() > at_s + INTERVAL_S)
        metered(broker, at_s)
        lines = until("a settlement of all", lambda: (
            facts := market.facts("settlement", at_s)) and len(facts) >= 3 and facts, seen=market.text)
        check("it is of what was metered", {
            f["home"]: (text["import_mwh"], text["export_mwh"], text["estimated"])
            for f in lines for text in [json.loads(f["text"])]} == {
                "buyer": (1500000, 0, False), "seller": (0, 1500000, False), "gone": (0, 0, False)},
            lines)
        market.kill()
        until("the last will", lambda: [p for *_, p in reader.messages("status")][-1:] == ["offline"],
              seen=reader.text)
        check("killed: the broker says offline", True)


def hostile():
    """Each hostile payload is refused with its reason, counted, and harms nobody."""
    with Bench(SPEED) as bench:
        broker, reader, market = started(bench)
        at_s = next_interval(bench)
        good = ("buy", 0.2, 1)
        deep = "[" * 200 + "]" * 200
        cases = [  # payload, words of the reason
            ("", ""),
            ("{", ""),
            ("\x00\xff", ""),
            (bid("h", at_s, 1, good)[:-1] + ',"x":' + deep + "}", "deep"),
            (bid("h", at_s, 1, good).replace("0.2", "NaN"), ""),
            (bid("h", at_s, 1, good).replace("0.2", "1e999"), ""),
            (bid("h", at_s, 1, good).replace('"quantity": 1', '"quantity": -1'), "quantity"),
            (bid("h", at_s, 1, ("buy", 0.2, 1e-9)), "quantity"),
            (bid("h", at_s, 1, ("steal", 0.2, 1)), "side"),
            (bid("other", at_s, 1, good), "home"),
            (bid("h", at_s - 86400, 1, good), "began already"),
            (bid("h", at_s + 30 * 86400, 1, good), "too far ahead"),
            (bid("h", at_s + 7, 1, good), "at which an interval begins"),
            (bid("h", at_s, 0, good), "revision"),
            (bid("h", at_s, 2 ** 40, good), "revision"),
            (bid("h", at_s, 1, *[good] * 65), "orders"),
            (bid("h", at_s, 1, *[("buy", 0.2, 0.01)] * 33), "orders"),
            (bid("h", at_s, 1, ("buy", 3, 1)), "price"),
            (bid("h", at_s, 1, ("buy", 0.2, 5)), "connection"),
            (bid("h", at_s, 1, good, length_s=60), "length_s"),
            (bid("h", at_s, 1, good, currency="XXX"), "currency"),
            (bid("h", at_s, 1, good, v=2), "v"),
            (json.dumps("x" * 20000), None),
        ]
        for payload, _ in cases:
            broker.publish(topic("h"), payload.encode("latin-1"))
        until("as many refusals as payloads that fit", lambda: len(
            of_home(reader, "h", "receipt")) == len(cases) - 1, seen=lambda: (
                len(of_home(reader, "h", "receipt")), market.text()))
        for (payload, words), said in zip(cases, of_home(reader, "h", "receipt")):
            check(f"refused: {payload[:40]!r}: {said['reason']}", not said["accepted"] and
                  words in said["reason"], said)
        check("what is too large is named", market.logged("too large") is not None)
        broker.publish(topic("h"), bid("h", at_s, 1, good), retain=True)
        check("a retained bid is named", market.logged("retained, expected") is not None)
        broker.publish(topic("h"), b"", retain=True)
        broker.publish("lec/fjord/home/a b/bid", bid("a b", at_s, 1, good))
        check("an id that is none is named", market.logged("not a topic of ours") is not None)
        broker.publish(topic("h"), bid("h", at_s, 1, good))
        said = until("a good one after all that", lambda: next(
            (r for r in of_home(reader, "h", "receipt") if r["accepted"]), None), seen=reader.text)
        check("is taken", said["revision"] == 1)
        check("nothing else is in the ledger", len(market.facts("bid")) == 1, market.facts("bid"))


def killed():
    """Killed at any time, dozens of times: what was acknowledged is in the books, once."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    with Bench(SPEED) as bench:
        broker, reader, market = started(bench)
        revision, kills, sent = {}, 0, set()
        first_s = next_interval(bench, 0)
        homes = [f"h{i}" for i in range(8)]
        while kills < 24:
            at_s = next_interval(bench, 30)
            for home in dice.sample(homes, 4):
                revision[home, at_s] = revision.get((home, at_s), 0) + 1
                side = "buy" if homes.index(home) % 2 else "sell"
                payload = bid(home, at_s, revision[home, at_s], (side, 0.2, 0.5 + dice.random()))
                broker.publish(topic(home), payload)
                sent.add((home, at_s, revision[home, at_s]))
                if dice.random() < 0.2:
                    broker.publish(topic(home), payload)  # delivered twice
            if dice.random() < 0.5:
                until("a receipt", receipt(reader, home, at_s, revision[home, at_s]),
                      seen=lambda m=market: m.text() + reader.text())
            market.kill()
            kills += 1
            market = Market(bench, "market", broker)
            market.logged("market: open")
            until("connected", lambda m=market: any("broker: connected" in t for t in m.text()),
                  seen=market.text)
        last_s = next_interval(bench, 0) + INTERVAL_S
        until("all gates closed", lambda: bench.house_s() > last_s, seen=market.text)
        until("cleared to the end", lambda: market.facts("clearing", last_s - INTERVAL_S),
              seen=market.text)
        check(f"the market ends when told, after {kills} kills", market.end() == 0)
        taken = {(r["home"], r["interval"], r["revision"]) for h in homes
                 for r in of_home(reader, h, "receipt") if r["accepted"]}
        kept = {(f["home"], format_time(f["interval_s"]), f["revision"]) for f in market.facts("bid")}
        check(f"each of {len(taken)} acknowledged bids is in the ledger", len(taken) > kills and
              taken <= kept, taken - kept)
        cleared = [f["interval_s"] for f in market.facts("clearing")]
        check(f"{len(cleared)} intervals, none cleared twice", len(set(cleared)) == len(cleared) and
              len(cleared) >= 2, cleared)
        for f in market.facts("clearing"):
            text = json.loads(f["text"])
            bidders = {h for h, at, _ in kept if at == format_time(f["interval_s"])}
            check(f"{format_time(f['interval_s'])}: every home's bid is in the book",
                  text["bids"] == len(bidders), (text, bidders))
        due = {(f["home"], format_time(f["interval_s"])) for f in market.facts("award")}
        told = {(a["home"], a["interval"]) for h in homes for a in of_home(reader, h, "award")}
        check("nobody was told an award that is not in the ledger", told <= due, told - due)
        check("and there were some", first_s and len(told) > 0)


def restarted():
    """The broker goes and comes back; the market and its homes are told again."""
    with Bench(SPEED) as bench:
        broker, reader, market = started(bench)
        at_s = next_interval(bench)
        for home, side in (("a", "buy"), ("b", "sell")):
            broker.publish(topic(home), bid(home, at_s, 1, (side, 0.2, 1)))
            until("taken", receipt(reader, home, at_s, 1), seen=reader.text)
        broker.end()
        market.logged("broker: away")
        until("cleared meanwhile", lambda: market.facts("award", at_s), seen=market.text)
        again = Broker(bench, broker.port)
        late = Reader(bench, again)
        until("the market is back", lambda: "online" in [p for *_, p in late.messages("status")],
              seen=late.text)
        again.publish(topic("a", "status"), "online", retain=True)
        if bench.house_s() < at_s + INTERVAL_S - 200:
            said = until("who comes back is told its award", award(late, "a", at_s), seen=late.text)
            check("the award that nobody heard is told again", said["bought_kwh"] == 1, said)
        else:
            raise Failed("the machine was too slow to tell")


def two_rounds():
    """Day-ahead and intraday side by side: both award the same interval."""
    with Bench(SPEED, start="2026-06-15T09:55:00Z") as bench:  # 11:55 there
        broker, reader, market = started(bench, more="""[round day-ahead]
kind = day
gate = 12:00
opens = 6 h
mechanism = uniform
""")
        at_s = bench.start_s + 12 * 3600 + 5 * 60  # midnight of the next day there
        check("the day begins then", format_time(at_s) == "2026-06-15T22:00:00Z", format_time(at_s))
        for home, side in (("a", "buy"), ("b", "sell")):
            broker.publish(topic(home), bid(home, at_s, 1, (side, 0.2, 1)))
            said = until("taken", receipt(reader, home, at_s, 1), seen=reader.text)
            check("for the day ahead", said["accepted"] and said["round"] == "day-ahead", said)
        until("awarded", award(reader, "a", at_s, "day-ahead"), seen=market.text)
        near_s = next_interval(bench)
        broker.publish(topic("a"), bid("a", near_s, 1, ("buy", 0.2, 1)))
        said = until("taken", receipt(reader, "a", near_s, 1), seen=reader.text)
        check("the next interval is traded within the day", said["round"] == "intraday", said)
        broker.publish(topic("a"), bid("a", at_s, 2, ("buy", 0.2, 1)))
        said = until("an answer", receipt(reader, "a", at_s, 2), seen=reader.text)
        check("after the gate the day is closed, and not yet open within it",
              not said["accepted"] and "too far" in said["reason"], said)
        check("the whole day was cleared at its gate", len(
            [f for f in market.facts("clearing") if f["round"] == "day-ahead"]) == 96)


def broken():
    """A ledger whose past was changed is named by its entry and left as it is; a market.conf of rounds
    that overlap is refused by its lines."""
    with Bench(SPEED) as bench:
        broker, reader, market = started(bench)
        at_s = next_interval(bench)
        for home, side in (("a", "buy"), ("b", "sell")):
            broker.publish(topic(home), bid(home, at_s, 1, (side, 0.2, 1)))
            until("taken", receipt(reader, home, at_s, 1), seen=reader.text)
        check("the market ends when told", market.end() == 0)
        path = f"{market.folder}/ledger.db"
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            (sequence,) = db.execute("SELECT sequence FROM entry WHERE kind = 'bid' AND home = 'a'").fetchone()
            db.execute("DROP TRIGGER no_update")
            db.execute("UPDATE entry SET text = replace(text, '1000000', '1000001') WHERE sequence = ?",
                       (sequence,))

        def entries():
            with contextlib.closing(sqlite3.connect(path)) as db:
                return db.execute("SELECT * FROM entry ORDER BY sequence").fetchall()
        before = entries()
        again = Market(bench, "market", broker)
        code = again.wait()
        check("a ledger with a broken chain: it does not open", code == 1, (code, again.text()))
        check("the entry is named", any(f"ledger.db: entry {sequence}: its hash is not" in line
                                        for line in again.text()), again.text())
        check("and nothing is added to it", entries() == before)
        more = "[round second]\ngate-closure = 30 min\nmechanism = uniform\n"
        twice = Market(bench, "other", broker, more=more)
        code = twice.wait()
        check("rounds that overlap: bad input, by line", code == 2 and any(
            "market.conf:14: [round second] and [round intraday] of line 10 are open for the same interval"
            in line for line in twice.text()), (code, twice.text()))


def unreached():
    """A market whose broker is not there says so once, with the reason, and when it has found it."""
    with Bench() as bench:
        port = free_port()
        market = Market(bench, "market", SimpleNamespace(port=port))
        market.logged("broker: away: Connection refused")
        Broker(bench, port=port)
        market.logged("broker: connected")
        check("once", len([line for line in market.text() if "away" in line]) == 1, market.text())


def unanswered():
    """Who bids for many homes in a market that says nothing tells no time of what never came."""
    with Bench() as bench:
        broker = Broker(bench)
        reader = Reader(bench, broker, "lec/#")
        broker.publish("lec/fjord/market/status", "online", retain=True)
        crowd = Process(bench, [os.path.join(BUILD, "lec-sim"), "bidders", "--broker",
                                f"mqtt://127.0.0.1:{broker.port}", "--homes", "1"],
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        crowd.follow(crowd.popen.stdout)
        until("a bid", lambda: reader.messages("bid"), seen=reader.text)
        check("not every home has its award", crowd.end() == 1, crowd.text())
        told = json.loads(crowd.text()[0])
        check("what never came took no time", told["receipts_s"] is told["gate_to_award_s"] is None, told)


def said_until_answered(say, answered, seen):
    """As lecd does: what is not answered is said again."""
    def again():
        if not answered():
            say()
        return answered()
    return until("an answer", again, seen=seen)


def flooded():
    """A home says more than can be taken for as long as it likes: others are heard as ever."""
    with Bench(10) as bench:  # its gate is minutes away
        broker, reader, market = started(bench)
        at_s, past_s = next_interval(bench) + INTERVAL_S, int(bench.house_s()) // INTERVAL_S * INTERVAL_S
        over, said = threading.Event(), [0]

        def flood():
            while not over.is_set():
                broker.publish(topic("noisy"), "\n".join(
                    bid("noisy", at_s, said[0] + i, ("buy", 0.2, 1)) for i in range(1, 2001)), lines=True)
                said[0] += 2000
        flooder = threading.Thread(target=flood, daemon=True)
        flooder.start()
        until("a flood", lambda: said[0] >= 4000, seen=market.text)
        for i in range(10):
            home = f"quiet-{i}"
            got = said_until_answered(lambda h=home: broker.publish(
                topic(h), bid(h, at_s, 1, ("sell", 0.1, 0.1))), receipt(reader, home, at_s, 1), market.text)
            check(f"{home} is answered in the flood", got["accepted"], got)
            got = said_until_answered(lambda h=home: broker.publish(
                topic(h, "meter"), json.dumps({
                    "v": 1, "home": h, "interval": format_time(past_s - INTERVAL_S),
                    "length_s": INTERVAL_S, "import_wh": 100, "export_wh": 0, "known_s": INTERVAL_S})),
                lambda h=home: next((r for r in of_home(reader, h, "receipt") if r["kind"] == "meter"), None),
                market.text)
            check("and its reading", got["accepted"] and got["interval"] == format_time(past_s - INTERVAL_S),
                  got)
        over.set()
        flooder.join()
        loud = [f for f in market.facts("bid") if f["home"] == "noisy"]
        check(f"of {said[0]} revisions of one home as many as it may are kept", 0 < len(loud) <= 100,
              len(loud))
        named = [line for line in market.text() if "noisy/flood: too many messages" in line]
        check("the flood is named once", len(named) == 1, market.text())
        told = until("the operator sees it", lambda: next((
            c for c in [json.loads(p) for *_, p in reader.messages("counts")][-1:]
            if c["flood"] > 0 and c["readings"] >= 10 and c["bids"]["accepted"] >= len(loud) + 10), None),
            seen=reader.text)
        check("in numbers", told["readings"] == 10 and told["bids_refused"] == sum(
            n for what, n in told["bids"].items() if what not in ("accepted", "repeated")) and
            told["bids"]["often"] > 0 and told["homes"] == 11, told)
        refusals = [r for r in of_home(reader, "noisy", "receipt") if not r["accepted"]]
        check("and told to who floods", any(r["again"] and "too many" in r["reason"] for r in refusals),
              refusals[-3:])
        check("the market ends when told", market.end() == 0)


run(simple, hostile, killed, restarted, two_rounds, broken, unreached, unanswered, flooded)
