# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay before an MQTT broker that keeps a record of every message that clients publish through it, and loses
as many of a negotiation's as it is told to: it acknowledges them itself, so that nobody says them again."""
import random
import socket
import threading


def varint(data, at):
    """The number at that place and where it ends, or None where more bytes are to come."""
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at
    return None


class Packet:
    """The first whole packet in some bytes: raw, and of a publish its topic, payload and number."""

    def __init__(self, raw, body):
        self.raw, self.topic, self.payload, self.number = raw, None, None, None
        if raw[0] >> 4 != 3:
            return
        length = int.from_bytes(body[:2], "big")
        self.topic = body[2:2 + length].decode()
        at = 2 + length
        if raw[0] >> 1 & 3:
            self.number = body[at:at + 2]
            at += 2
        properties, at = varint(body, at)
        self.payload = body[at + properties:]

    @staticmethod
    def first(data):
        found = varint(data, 1) if len(data) > 1 else None
        if not found or len(data) < found[1] + found[0]:
            return None
        end = found[1] + found[0]
        return Packet(data[:end], data[found[1]:end])


class Relay:
    def __init__(self, broker, loss=0, seed=1):
        self.broker, self.loss = broker, loss
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.record, self.lost = [], 0  # (topic, payload)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            broker = socket.create_connection(("127.0.0.1", self.broker.port))
            for side in (client, broker):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.forward, args=(client, broker), daemon=True).start()
            threading.Thread(target=self.back, args=(broker, client), daemon=True).start()

    def loses(self, packet):
        with self.lock:
            self.record.append((packet.topic, packet.payload))
            lost = "/admm/" in packet.topic and self.random.random() < self.loss
            self.lost += lost
            return lost

    def forward(self, client, broker):
        data = b""
        try:
            while True:
                more = client.recv(65536)
                if not more:
                    break
                data += more
                while packet := Packet.first(data):
                    data = data[len(packet.raw):]
                    if packet.topic and self.loses(packet):
                        if packet.number:
                            client.sendall(b"\x40\x02" + packet.number)
                        continue
                    broker.sendall(packet.raw)
        except OSError:
            pass
        self.end(broker)

    def back(self, broker, client):
        try:
            while more := broker.recv(65536):
                client.sendall(more)
        except OSError:
            pass
        self.end(client)

    @staticmethod
    def end(side):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def said(self):
        with self.lock:
            return list(self.record)
