"""What the file server under test serves, and how it is asked."""

import os

DATA = bytes(range(256)) * 4
BIG = os.urandom(3_000_000)
HALF = len(DATA) // 2


def ask(connection, path="/data.bin", byte_range=None, method="GET", **headers):
    headers |= {"Range": byte_range} if byte_range else {}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.content = answer.read()
    return answer
