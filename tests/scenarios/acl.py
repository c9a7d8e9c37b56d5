#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, against a real mosquitto with TLS, configured by lec-market broker-config and
certificates of etc/broker/make-ca: every topic, written and read by every identity, is as the table
here says; what is denied is told to who tried and to the operator; nobody takes another's name.

Usage: acl.py BUILD-FOLDER."""
import json
import os
import shutil
import socket
import ssl
import subprocess

from bench import BUILD, DEADLINE_S, ROOT, Bench, Process, check, format_time, free_port, \
    listening, run, until

CONF = """[market]
community = fjord
ledger = {folder}/ledger.db
[tariff]
buy = 0.30 EUR/kWh
sell = 0.08 EUR/kWh
[round intraday]
gate-closure = 2 min
mechanism = uniform
[home home-1]
[home home-2]
[mqtt]
broker = mqtts://localhost:{port}
ca-file = {folder}/ca.crt
certificate = {folder}/market.crt
key = {folder}/market.key
"""

# --- the table, in words of its own ----------------------------------------------------------------
HOMES = ["home-1", "home-2", "home-3"]  # home-3 is not listed, and as good as any
PERSONS = ["home-1.person", "home-2.person"]
SERVICES = ["market", "dso", "manager", "operator"]
IDENTITIES = HOMES + PERSONS + SERVICES
LEAVES = ["status", "state", "plan", "bid", "meter", "award", "receipt", "limit", "command", "flexibility",
          "schedule", "secret", "bid/deeper"]
OF_HOME = {"status", "state", "plan", "bid", "meter", "flexibility"}
TO_HOME = {"award", "receipt", "limit", "command", "schedule"}
SUBTREES = HOMES + PERSONS + SERVICES + ["ghost"]
TOPICS = ([f"lec/fjord/home/{who}/{leaf}" for who in SUBTREES for leaf in LEAVES] +
          [f"lec/fjord/market/{leaf}" for leaf in ("status", "tariff", "round", "clearing", "x/y")] +
          [f"lec/fjord/community/{leaf}" for leaf in ("status", "state", "fairness", "command", "x/y")] +
          [f"lec/fjord/dso/{leaf}" for leaf in ("status", "proposal", "verdict", "x")] +
          [f"lec/fjord/admm/home/{who}/net" for who in SUBTREES] +
          [f"lec/fjord/admm/market/offer/{who}" for who in SUBTREES] +
          [f"lec/fjord/admm/{leaf}" for leaf in ("market/wish", "market/result", "dso/price", "net")] +
          [f"homeassistant/device/lecd_{who}/config" for who in SUBTREES] +
          ["homeassistant/status", "lec/fjord", "lec/fjord/home", "lec/bay/home/home-1/bid",
           "lec/bay/market/round", "home-1", "anything/else", "$SYS/broker/version"])


def may_write(who, topic):
    level = topic.split("/")
    if topic.startswith("lec/fjord/home/") and len(level) == 5:
        whose, leaf = level[3:]
        return (who in HOMES and whose == who and leaf in OF_HOME or
                who in PERSONS and whose + ".person" == who and leaf == "command" or
                who == "market" and whose not in ("market",) and leaf in ("award", "receipt") or
                who == "dso" and whose != "dso" and leaf == "limit" or
                who == "manager" and whose != "manager" and leaf == "schedule")
    if topic.startswith("lec/fjord/community/"):
        return who == "manager"
    if topic.startswith("lec/fjord/dso/"):
        return who == "dso" and level[3] in ("status", "verdict") or \
            who == "market" and level[3] == "proposal"
    if topic.startswith("lec/fjord/market/"):
        return who == "market"
    if topic.startswith("lec/fjord/admm/"):
        return (who in HOMES and level[3:5] == ["home", who] or
                who in ("market", "dso") and level[3] == who)
    return who in HOMES[:2] and topic == f"homeassistant/device/lecd_{who}/config"


def may_read(who, topic):
    level = topic.split("/")
    if who == "operator" and topic.startswith(("lec/fjord", "homeassistant/")):
        return not topic.startswith("lec/fjord/home/operator/") and \
            not topic.startswith("lec/fjord/admm/home/operator/")
    if topic.startswith("lec/fjord/home/") and len(level) == 5:
        whose, leaf = level[3:]
        return (who in HOMES and whose == who and leaf in TO_HOME or
                who in PERSONS and whose + ".person" == who and
                leaf in ("status", "state", "plan", "award", "receipt", "limit", "flexibility", "schedule") or
                who == "market" and whose != "market" and leaf in ("status", "bid", "meter", "limit") or
                who == "manager" and whose != "manager" and leaf in ("status", "flexibility", "meter"))
    if topic.startswith("lec/fjord/community/"):
        return who == "manager" or level[3] in ("status", "fairness")
    if topic.startswith("lec/fjord/dso/"):
        return level[3] == "status" or who == "market" and level[3] == "verdict" or \
            who == "dso" and level[3] == "proposal"
    if topic.startswith("lec/fjord/market/"):
        return True
    if topic.startswith("lec/fjord/admm/"):
        return level[3:] in (["market", "result"], ["market", "offer", who]) or \
            who in ("market", "dso") and level[3:5] != ["home", who]
    return who in PERSONS and topic == f"homeassistant/device/lecd_{who[:-7]}/config"


# --- a client of MQTT v5, as small as it can be ---------------------------------------------------
NOT_AUTHORISED = 0x87


def text(words):
    data = words.encode() if isinstance(words, str) else words
    return len(data).to_bytes(2, "big") + data


class Client:
    def __init__(self, broker, certificate, client_id=None, will=None, authority=None):
        context = ssl.create_default_context(cafile=f"{broker.folder}/ca.crt")
        folder = authority or broker.folder
        if certificate:
            context.load_cert_chain(f"{folder}/{certificate}.crt", f"{folder}/{certificate}.key")
        plain = socket.create_connection(("127.0.0.1", broker.port), timeout=DEADLINE_S)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.buffer, self.heard, self.packet = b"", [], 0
        flags, words = 0x02, text(client_id if client_id is not None else certificate or "nobody")
        if will:
            flags |= 0x0C  # with QoS 1
            words += b"\0" + text(will[0]) + text(will[1])
        self.send(0x10, text("MQTT") + bytes([5, flags, 0, 240, 0]) + words)
        self.answer = self.expect(0x20)[1]

    def send(self, kind, body):
        size, length = len(body), b""
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (0x80 if size else 0)])
            if not size:
                break
        self.socket.sendall(bytes([kind]) + length + body)

    def read(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the broker hung up")
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive(self):
        kind, size, shift = self.read(1)[0], 0, 0
        while True:
            digit = self.read(1)[0]
            size |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                break
        return kind, self.read(size)

    def expect(self, wanted):
        """The next packet of that kind; messages on the way are heard."""
        while True:
            kind, body = self.receive()
            if kind & 0xF0 == 0x30:
                size = int.from_bytes(body[:2], "big")
                topic, rest = body[2:2 + size].decode(), body[2 + size:]
                self.heard.append((topic, rest[1 + rest[0]:].decode()))
            if kind & 0xF0 == wanted:
                return body

    def publish(self, topic, payload, retain=False):
        """With QoS 1: the broker's reason."""
        self.packet += 1
        self.send(0x32 | retain, text(topic) + self.packet.to_bytes(2, "big") + b"\0" +
                  payload.encode())
        answer = self.expect(0x40)
        return answer[2] if len(answer) > 2 else 0

    def subscribe(self, *topics):
        self.packet += 1
        self.send(0x82, self.packet.to_bytes(2, "big") + b"\0" +
                  b"".join(text(topic) + b"\0" for topic in topics))
        return list(self.expect(0x90)[3:])

    def settle(self):
        """All that the broker had for us until now."""
        self.send(0xC0, b"")
        self.expect(0xD0)
        return self.heard

    def close(self, kindly=True):
        if kindly:
            self.send(0xE0, b"\0\0")
        self.socket.close()


# --- the broker -----------------------------------------------------------------------------------
def command(*words, good=True):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if good and done.returncode:
        raise RuntimeError(f"{words}: {done.stderr}")
    return done


MAKE_CA = os.path.join(ROOT, "etc", "broker", "make-ca")
LEC_MARKET = os.path.join(BUILD, "lec-market")


class Broker:
    """As an operator sets it up, for one community or several."""

    def __init__(self, bench, texts=(CONF,), homes=2, identities=IDENTITIES):
        self.bench, self.folder, self.port = bench, os.path.join(bench.folder, "broker"), free_port()
        os.makedirs(self.folder)
        self.confs = [os.path.join(self.folder, f"market{i or ''}.conf") for i in range(len(texts))]
        for path, words in zip(self.confs, texts):
            with open(path, "w") as file:
                file.write(words.format(folder=self.folder, port=self.port))
        self.conf = self.confs[0]
        said = json.loads(command(LEC_MARKET, "broker-config", *self.confs, "--out",
                                  self.folder).stdout)
        check("broker-config says what it wrote", said["homes"] == homes and
              os.path.exists(said["config"]) and os.path.exists(said["acl"]), said)
        command(MAKE_CA, self.folder, "init", "localhost", "127.0.0.1")
        command(MAKE_CA, self.folder, "issue", *identities)
        self.start()

    def start(self):
        with open(f"{self.folder}/mosquitto.conf") as file:
            text_of = file.read()
        path = f"{self.folder}/test.conf"
        with open(path, "w") as file:  # on loopback, and as whoever runs this
            file.write(text_of.replace(f"listener {self.port}", f"listener {self.port} 127.0.0.1") +
                       "user root\n")
        self.process = Process(self.bench, [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c",
                                            path], stderr=subprocess.PIPE)
        self.denials = Process(self.bench, [os.path.join(ROOT, "etc", "broker", "denials"),
                                            f"{self.folder}/acl"], stdin=self.process.popen.stderr,
                               stdout=subprocess.PIPE)
        self.denials.follow(self.denials.popen.stdout)
        until("the broker listens", lambda: listening(self.port))

    def denied(self):
        return {line for line in self.denials.text() if line.startswith("denied: ")}


def matrix():
    """Every topic, written and read by every identity."""
    with Bench() as bench:
        broker = Broker(bench)
        clients = {who: Client(broker, who) for who in IDENTITIES}
        for who, client in clients.items():
            check(f"{who} is let in", client.answer == 0, client.answer)
            client.subscribe("#", "$SYS/#")
            client.settle()
            client.heard.clear()
        denied, wrong = set(), []
        for who, client in clients.items():
            for i, topic in enumerate(TOPICS):
                reason = client.publish(topic, f"{who}|{i}")
                if (reason < 0x80) != may_write(who, topic) or \
                        reason >= 0x80 and reason != NOT_AUTHORISED:
                    wrong.append((who, topic, hex(reason)))
                if reason >= 0x80:
                    denied.add(f"denied: {who} publishes {topic}")
        check(f"{len(IDENTITIES) * len(TOPICS)} writes are taken or denied as the table says",
              not wrong, wrong[:9])
        allowed = [(topic, f"{who}|{i}", who) for who in IDENTITIES for i, topic in enumerate(TOPICS)
                   if may_write(who, topic)]
        for reader, client in clients.items():
            heard = {m for m in client.settle() if not m[0].startswith("$SYS/")}
            expected = {(topic, payload) for topic, payload, _ in allowed if may_read(reader, topic)}
            check(f"{reader} hears its {len(expected)} of {len(allowed)} messages and no other",
                  heard == expected, {"more": sorted(heard - expected)[:9],
                                      "missing": sorted(expected - heard)[:9]})
            system = [m for m in client.heard if m[0].startswith("$SYS/")]
            check(f"{reader}: nothing of the broker's own", reader == "operator" or not system, system)
        until("every denied write is told to the operator", lambda: denied <= broker.denied(),
              seen=lambda: sorted(denied - broker.denied())[:9])
        extra = {line for line in broker.denied() if " publishes " in line} - denied
        check(f"the operator is told of {len(denied)} denied writes and no other", not extra, extra)
        asked = {f"denied: {who} would hear {topic}" for who in IDENTITIES
                 for topic in ("#", "$SYS/#") if (who, topic) != ("operator", "$SYS/#")}
        check("and of who asked to hear more than it may",
              {line for line in broker.denied() if " would hear " in line} == asked,
              broker.denied() ^ asked)
        noise = [line for line in broker.denials.text() if "Sending" in line or "Received" in line]
        check("without the broker's chatter", not noise, noise[:3])


def names():
    """Nobody takes another's name, connection, past messages or last words."""
    with Bench() as bench:
        broker = Broker(bench)
        victim, operator = Client(broker, "home-1"), Client(broker, "operator")
        operator.subscribe("lec/#")
        for certificate, authority in (("home-1", "other"), (None, None)):
            folder = os.path.join(bench.folder, authority or "")
            if authority:
                command(MAKE_CA, folder, "init", "localhost")
                command(MAKE_CA, folder, "issue", certificate)
            try:
                answer = Client(broker, certificate, "home-1", authority=folder).answer
            except (ssl.SSLError, ConnectionError) as error:
                answer = type(error).__name__
            check(f"a certificate of {authority or 'nobody'} is turned away", isinstance(answer, str),
                  answer)

        thief = Client(broker, "home-2", "home-1")
        check("another's client id is let in as who it is", thief.answer == 0)
        check("and does not push it out", victim.publish("lec/fjord/home/home-1/state", "1") < 0x80)
        check("nor writes as it", thief.publish("lec/fjord/home/home-1/bid", "2") == NOT_AUTHORISED)
        thief.subscribe("lec/fjord/home/home-1/award", "$share/all/lec/fjord/home/+/award",
                        "lec/+/home/home-1/+", "+/fjord/home/#")
        market = Client(broker, "market")
        check("what is kept is kept", victim.publish("lec/fjord/home/home-1/status", "here",
                                                     retain=True) < 0x80)
        for home in ("home-1", "home-2"):
            market.publish(f"lec/fjord/home/{home}/award", f"award of {home}")
        check("it hears its own award only, however it asks",
              {payload for _, payload in thief.settle()} == {"award of home-2"}, thief.heard)
        late = Client(broker, "home-3")
        late.subscribe("#")
        check("what is kept is not for others", ("lec/fjord/home/home-1/status", "here") not in
              late.settle(), late.heard)
        told = until("who asked is told", lambda: {
            line for line in broker.denied() if line.startswith("denied: home-2 would hear ")},
            seen=broker.denied)
        check("a shared subscription too", "denied: home-2 would hear "
              "$share/all/lec/fjord/home/+/award" in told, told)

        liar = Client(broker, "home-2", will=("lec/fjord/home/home-1/status", "offline"))
        if liar.answer == 0:
            liar.close(kindly=False)
        honest = Client(broker, "home-3", will=("lec/fjord/home/home-3/status", "offline"))
        honest.close(kindly=False)
        until("a last will of one's own is heard", lambda: (
            "lec/fjord/home/home-3/status", "offline") in operator.settle(), seen=lambda: operator.heard)
        check("and not one of another's", ("lec/fjord/home/home-1/status", "offline") not in
              operator.heard, operator.heard)

        command(MAKE_CA, broker.folder, "revoke", "home-3")
        check("a certificate that was taken back is gone", not os.path.exists(
            f"{broker.folder}/home-3.key"))


def revoked():
    """A certificate that was taken back opens nothing; one that is asked for again does."""
    with Bench() as bench:
        broker = Broker(bench)
        for kind in ("crt", "key"):
            shutil.copy(f"{broker.folder}/home-2.{kind}", f"{bench.folder}/home-2.{kind}")
        command(MAKE_CA, broker.folder, "revoke", "home-2")
        broker.process.end()
        broker.start()
        check("others are let in", Client(broker, "home-1").answer == 0)
        try:
            answer = Client(broker, "home-2", authority=bench.folder).answer
        except (ssl.SSLError, ConnectionError) as error:
            answer = type(error).__name__
        check("who was locked out is not", isinstance(answer, str), answer)
        command(MAKE_CA, broker.folder, "issue", "home-2")
        check("until it has a new one", Client(broker, "home-2").answer == 0)


def market():
    """A real market on this broker: it takes a home's bid, and a forged one never reaches it."""
    with Bench() as bench:
        broker = Broker(bench)
        service = Process(bench, [LEC_MARKET, "run", "--config", broker.conf], stderr=subprocess.PIPE)
        service.follow(service.popen.stderr)
        home, forger = Client(broker, "home-1"), Client(broker, "home-2")
        for client in (home, forger):
            client.subscribe("lec/fjord/#")
        until("the market is there", lambda: ("lec/fjord/market/status", "online") in home.settle(),
              seen=service.text)
        start_s = (int(bench.house_s()) // 900 + 3) * 900
        bid = json.dumps({"v": 1, "home": "home-1", "interval": format_time(start_s),
                          "length_s": 900, "revision": 1, "currency": "EUR",
                          "orders": [{"side": "buy", "price": 0.2, "quantity": 1}]})
        check("a forged bid is denied", forger.publish("lec/fjord/home/home-1/bid", bid) ==
              NOT_AUTHORISED)
        check("and its own is not", home.publish("lec/fjord/home/home-1/bid", bid) == 0)

        def receipts(client):
            return [json.loads(p) for t, p in client.settle() if t == "lec/fjord/home/home-1/receipt"]
        until("a receipt", lambda: receipts(home), seen=lambda: (home.heard, service.text()))
        check("one, of one bid", [r["accepted"] for r in receipts(home)] == [True], home.heard)
        check("which nobody else hears", not receipts(forger), forger.heard)
        check("the market ends when told", service.end() == 0, service.text())
        proof = command(LEC_MARKET, "verify", "--ledger", f"{broker.folder}/ledger.db")
        check("its ledger is sound", json.loads(proof.stdout)["sound"], proof.stdout)


# --- several communities on one broker ------------------------------------------------------------
def of_community(name, homes, more=""):
    return (CONF.replace("fjord", name).replace("ledger.db", f"{name}.db")
            .replace("market.crt", f"market.{name}.crt").replace("market.key", f"market.{name}.key")
            .replace("[tariff]", "members = listed\n[tariff]").replace("home-", homes) + more)


FEEDER = """[settlement]
rule = traded
[upstream]
community = city
id = city-1
round = intraday
gate-closure = 60 s
answer = 31 s
certificate = {folder}/city-1.crt
key = {folder}/city-1.key
"""
COMMUNITIES = {"city": "city-", "oslo": "oslo-"}  # and how their homes' names begin
WHO = {who: name for name, home in COMMUNITIES.items()
       for who in [home + "1", home + "2", home + "1.person"] + [f"{s}.{name}" for s in SERVICES]}


def as_one(name, words):
    """A word or topic of several communities as one of them alone would have it."""
    for other, home in COMMUNITIES.items():
        if other != name:
            words = words.replace(home, "other-")
    return words.replace(COMMUNITIES[name], "home-").replace(f"lec/{name}", "lec/fjord") \
        .replace("." + name, "")


def several():
    """Of several communities on one broker each has its own, as if it were there alone: services,
    homes and persons of one are nobody in another, and who is listed nowhere is nobody."""
    with Bench() as bench:
        texts = [of_community("city", "city-"), of_community("oslo", "oslo-", FEEDER)]
        broker = Broker(bench, texts, 4, [*WHO, "home-3", "market"])
        subtrees = ["city-1", "oslo-2", "market.city", "ghost"]
        leaves = ["market/round", "community/status", "community/x", "dso/status", "dso/proposal",
                  "dso/verdict", "admm/market/result", "admm/market/offer/city-1", "admm/dso/price"]
        topics = [f"lec/{name}/{leaf}" for name in COMMUNITIES for leaf in leaves +
                  [f"home/{who}/{leaf}" for who in subtrees for leaf in LEAVES] +
                  [f"admm/home/{who}/net" for who in subtrees]] + \
                 [f"homeassistant/device/lecd_{who}/config" for who in subtrees]
        clients = {who: Client(broker, who) for who in [*WHO, "home-3", "market"]}
        for client in clients.values():
            client.subscribe("#")
            client.settle()
            client.heard.clear()

        def may(table, who, topic):
            return who in WHO and table(as_one(WHO[who], who), as_one(WHO[who], topic))
        wrong = [(who, topic) for who, client in clients.items() for topic in topics
                 if (client.publish(topic, who) < 0x80) != may(may_write, who, topic)]
        check(f"{len(clients) * len(topics)} writes are taken or denied as of each alone", not wrong,
              wrong[:9])
        for reader, client in clients.items():
            heard = {m for m in client.settle() if not m[0].startswith("$SYS/")}
            expected = {(topic, who) for topic in topics for who in WHO
                        if may(may_write, who, topic) and may(may_read, reader, topic)}
            check(f"{reader} hears its {len(expected)} messages and no other", heard == expected,
                  {"more": sorted(heard - expected)[:9], "missing": sorted(expected - heard)[:9]})
        for client in clients.values():
            client.close()

        services = [Process(bench, [LEC_MARKET, "run", "--config", path], stderr=subprocess.PIPE)
                    for path in broker.confs]
        for service in services:
            service.follow(service.popen.stderr)
        until("the market of the feeder is at both", lambda: all(
            f"{who}: connected" in services[1].text() for who in ("broker", "broker above")),
            seen=services[1].text)
        until("and the one above", lambda: "broker: connected" in services[0].text(),
              seen=services[0].text)
        for service in services:
            check("neither pushed the other out", service.end() == 0 and
                  not [line for line in service.text() if "away" in line], service.text())


def refused():
    """What cannot be told apart is refused by its line; what is no authority is not one."""
    with Bench() as bench:
        path = os.path.join(bench.folder, "market.conf")
        for old, new, said in (
                ("[home home-2]", "[home dso]", f"{path}:11: [home dso], expected a name that no "),
                ("mqtts://", "mqtt://", "expected mqtts://host[:port]"),
                ("buy = 0.30 EUR/kWh", "buy = 0.30", f"{path}:5: ")):
            with open(path, "w") as file:
                file.write(CONF.format(folder=bench.folder, port=8883).replace(old, new))
            done = command(LEC_MARKET, "broker-config", path, "--out", f"{bench.folder}/out",
                           good=False)
            check(f"{new} is refused", done.returncode == 2 and said in done.stderr and
                  not os.path.exists(f"{bench.folder}/out"), done)
        first, second = (os.path.join(bench.folder, f"{name}.conf") for name in ("first", "second"))
        for old, new, said in (
                ("community = oslo", "community = city", f"{second}: [market] community = city, expected "),
                ("{port}", "8884", f"the port 8883 that {first} has"),
                ("members = listed", "members = any", f"{second}: [market] members = any, expected listed"),
                ("gate-closure = 2 min", "", f"{second}:8: ")):
            for path_of, words in ((first, of_community("city", "city-")),
                                   (second, of_community("oslo", "oslo-").replace(old, new))):
                with open(path_of, "w") as file:
                    file.write(words.format(folder=bench.folder, port=8883))
            done = command(LEC_MARKET, "broker-config", first, second, "--out", f"{bench.folder}/out",
                           good=False)
            check(f"{new or 'a second file that is broken'} is refused", done.returncode == 2 and
                  said in done.stderr and not os.path.exists(f"{bench.folder}/out"), done)
        for city, alone in ((of_community("city", "city-"), True),
                            (of_community("city", "house-"), False)):
            for path_of, words in ((first, city), (second, of_community("oslo", "oslo-", FEEDER))):
                with open(path_of, "w") as file:
                    file.write(words.format(folder=bench.folder, port=8883))
            done = command(LEC_MARKET, "broker-config", *[first][alone:], second, "--out",
                           f"{bench.folder}/out", good=False)
            check("a feeder without its place in the market above is refused", done.returncode == 2 and
                  "expected its file as well, with a section [home city-1]" in done.stderr, done)
        for words in ([], [path], [path, path, "--out", "x"], ["--no-such"]):
            done = command(LEC_MARKET, "broker-config", *words, good=False)
            check(f"{len(words)} words are refused", done.returncode == 2 and done.stderr, done)
        for words, said in ((["issue", "home-1"], "no authority"), (["bake", "x"], "expected init"),
                            (["init"], "expected DIR init")):
            done = command(MAKE_CA, f"{bench.folder}/ca", *words, good=False)
            check(f"make-ca {words[0]} is refused", done.returncode == 2 and said in done.stderr, done)
        command(MAKE_CA, f"{bench.folder}/ca", "init", "localhost")
        for words, said in ((["init", "localhost"], "an authority already"),
                            (["issue", "../home"], "expected a name"),
                            (["issue", "broker"], "expected a name"),
                            (["revoke", "home-1"], "no certificate")):
            done = command(MAKE_CA, f"{bench.folder}/ca", *words, good=False)
            check(f"make-ca {' '.join(words)} is refused", done.returncode == 2 and
                  said in done.stderr, done)


run(matrix, names, revoked, market, several, refused)
