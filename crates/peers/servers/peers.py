"""Servers of others, for tests: each prints where it listens, then what it is told, a line of JSON each.

A server ends when its standard input does, so that none outlives the test that started it.
"""

import asyncio
import base64
import http.server
import json
import pathlib
import ssl
import sys
import threading


def say(**what):
    print(json.dumps(what), flush=True)


def until_input_ends():
    sys.stdin.buffer.read()


def s3(arguments):
    """s3 [PORT]: an S3 of one process, with no state but memory."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(arguments[0]) if arguments else 0, verbose=False)
    server.start()
    say(port=server.get_host_and_port()[1])
    until_input_ends()


class Mail:
    """Takes every mail, except those whose recipient begins with a status."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        status, _, rest = address.partition("-")
        if rest and status.isdigit():
            return f"{status} as you asked"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        say(
            sender=envelope.mail_from,
            recipients=envelope.rcpt_tos,
            hello=session.host_name,
            tls=session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            login=session.auth_data,
            content=base64.b64encode(envelope.content).decode(),
        )
        return "250 taken"


def smtp(arguments):
    """smtp plain|starttls|smtps LOGIN [certificate and key]: LOGIN is `name:password` or `-`."""
    from aiosmtpd.smtp import SMTP, AuthResult

    security, login, *pem = arguments
    context = None
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pem)

    def authenticate(server, session, envelope, mechanism, data):
        given = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=given == login, handled=False, auth_data=data.login.decode())

    def session():
        return SMTP(
            Mail(),
            hostname="peer.example",
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            authenticator=authenticate,
            auth_required=login != "-",
            auth_require_tls=False,
        )

    async def serve():
        loop = asyncio.get_running_loop()
        inner = context if security == "smtps" else None
        server = await loop.create_server(session, "127.0.0.1", 0, ssl=inner)
        say(port=server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, until_input_ends)

    asyncio.run(serve())


def https(arguments):
    """https CERTIFICATE KEY: answers 204 and tells the names it was called by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*arguments)
    names = {}
    context.sni_callback = lambda socket, name, _: names.__setitem__(threading.get_ident(), name)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()
            say(
                sni=names.get(threading.get_ident()),
                host=self.headers["host"],
                path=self.path,
                body=body.decode(),
            )

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def finish_request(self, request, address):
            with context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, address)

        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(port=server.server_address[1])
    until_input_ends()


def certificates(arguments):
    """certificates FOLDER NAME…: an authority, and a certificate of it for the names."""
    import trustme

    folder, *names = arguments
    folder = pathlib.Path(folder)
    authority = trustme.CA()
    own = authority.issue_cert(*names)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    chain = b"".join(blob.bytes() for blob in own.cert_chain_pems)
    (folder / "certificate.pem").write_bytes(chain)
    say(done=True)


def verify(_):
    """Reads {"secret", "headers", "body"}, says whether the library takes the message."""
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    message = json.load(sys.stdin)
    try:
        Webhook(message["secret"]).verify(message["body"], message["headers"])
        say(verified=True)
    except WebhookVerificationError as error:
        say(verified=False, why=str(error))


if __name__ == "__main__":
    kinds = {kind.__name__: kind for kind in (s3, smtp, https, certificates, verify)}
    kinds[sys.argv[1]](sys.argv[2:])
