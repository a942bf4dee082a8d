"""Two nodes over TLS, and a stranger who does not get in.

    python examples/tls.py

The certificates are made on the spot, as a test would do it. For a real cluster there
is `ergopy certs`.
"""

import tempfile

import ergopy
from ergopy.certs import Authority


class Echo(ergopy.GenServer):
    async def handle_call(self, request, from_):
        return request


def node(name: str, authority: Authority, folder: str) -> ergopy.Node:
    files = authority.equip(name, folder)
    return ergopy.Node(name, cookie="secret", tls=ergopy.Tls.from_folder(files))


async def main():
    ours, theirs = Authority.create("ours"), Authority.create("theirs")
    with tempfile.TemporaryDirectory() as folder:
        async with (
            node("a@127.0.0.1", ours, folder) as a,
            node("b@127.0.0.1", ours, folder) as b,
            node("stranger@127.0.0.1", theirs, folder) as stranger,
        ):
            await b.start(Echo, name="echo")
            answer = await a.call(("echo", b.name), b"hello")
            print("b answers:", answer.decode())

            # The cookie is right, and yet:
            try:
                await stranger.connect(a.name)
            except ergopy.CertificateError as error:
                print("the stranger thinks:", error.problem)
            try:
                await a.connect(stranger.name)
            except ergopy.CertificateError as error:
                print("and we think:", error.problem)


ergopy.run(main)
