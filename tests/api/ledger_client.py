"""A client of the published contract alone: messages made from proto/, Ed25519, addresses in bech32m.

Nothing of Hanse's own code is in it, so what it does any language can do (docs/api.md tells how).
"""

import os
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROTO = Path(__file__).resolve().parents[2] / "proto"
ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
PREFIX = "hanse"
GENERATOR = (0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)
BECH32M = 0x2bc830a3


def load_messages(folder):
    """The messages of hanse.v1 by name, by way of a file that protoc writes into the folder."""
    file = Path(folder) / "hanse.protoset"
    protos = sorted(str(p) for p in PROTO.glob("hanse/v1/*.proto"))
    subprocess.run(["protoc", f"-I{PROTO}", f"--descriptor_set_out={file}", *protos], check=True)
    found = descriptor_pb2.FileDescriptorSet.FromString(file.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for one in found.file:
        pool.Add(one)
    return {message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{one.package}.{message.name}"))
            for one in found.file for message in one.message_type}


def checksum(values):
    remainder = 1
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1ffffff) << 5 ^ value
        for i, part in enumerate(GENERATOR):
            remainder ^= part if top >> i & 1 else 0
    return remainder


def address_of(key):
    """hanse1… of the 32 bytes of a public key."""
    bits = int.from_bytes(key, "big") << 4  # 256 bits are 51 groups of five and one that is filled up
    groups = [bits >> 5 * i & 31 for i in range(51, -1, -1)]
    head = [ord(c) >> 5 for c in PREFIX] + [0] + [ord(c) & 31 for c in PREFIX]
    check = checksum([*head, *groups, *[0] * 6]) ^ BECH32M
    groups += [check >> 5 * i & 31 for i in range(5, -1, -1)]
    return PREFIX + "1" + "".join(ALPHABET[g] for g in groups)


class Account:
    """A key pair, the same for the same number: for tests, not for money."""

    def __init__(self, number):
        self.secret = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
        self.key = self.secret.public_key().public_bytes_raw()
        self.address = address_of(self.key)

    def sign(self, messages, network, valid_s=600, **operation):
        """The bytes of a transaction of one operation, by its name and the message that it carries."""
        body = messages["Transaction"](network=network, account=self.key, signer=self.key,
                                       valid_until_ms=int(time.time() * 1000) + valid_s * 1000, salt=os.urandom(16),
                                       operations=[messages["Operation"](**operation)]).SerializeToString()
        signature = self.secret.sign(b"hanse/tx/v1" + body)
        return messages["SignedTransaction"](body=body, signature=signature).SerializeToString()
