"""Tokens of time stamps, for reader.py; from stamp.md and the RFCs that it names alone. What is known of revocation
(000.crl) it does not read."""

import datetime
import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from notes import Wrong, need

HASHES = {bytes.fromhex("60864801650304020" + n): name for n, name in (("1", "sha256"), ("2", "sha384"), ("3", "sha512"))}
SIGNED_DATA, TST_INFO = bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d0109100104")
CONTENT_TYPE, MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010903"), bytes.fromhex("2a864886f70d010904")
CERTIFICATE, CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910020c"), bytes.fromhex("2a864886f70d010910022f")
RSA, PSS, ED25519 = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010a"), bytes.fromhex("2b6570")
RSA_WITH = {bytes.fromhex("2a864886f70d01010" + n): name for n, name in (("b", "sha256"), ("c", "sha384"), ("d", "sha512"))}
ECDSA_WITH = {bytes.fromhex("2a8648ce3d04030" + n): name for n, name in (("2", "sha256"), ("3", "sha384"), ("4", "sha512"))}
KIND = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


def elements(data):
    """The DER elements that stand one after the other: tag, content, and the whole."""
    found, at = [], 0
    while at < len(data):
        start, tag, size = at, data[at], data[at + 1]
        at += 2
        if size > 0x80:
            more = size & 0x7F
            size = int.from_bytes(data[at:at + more])
            need(more <= 4 and size >= 0x80 and size >> 8 * (more - 1), "is not DER")
            at += more
        need(size != 0x80 and at + size <= len(data) and tag & 0x1F != 0x1F, "is not DER")
        at += size
        found.append((tag, data[at - size:at], data[start:at]))
    return found


def parts(data, *tags):
    """The contents of the elements of a sequence, the first of which have these tags."""
    found = elements(data)
    need(tuple(tag for tag, _, _ in found[:len(tags)]) == tags, "is not what a token has there")
    return [content for _, content, _ in found]


def hash_named(algorithm):
    name = HASHES.get(parts(algorithm, 6)[0])
    need(name, "is by a hash function that is not accepted")
    return name


def verify(key, algorithm, beside, message, signature):
    """A signature of a token; `beside` is the hash function that the signer names for algorithms that name none."""
    found = elements(algorithm)
    name = found[0][1]
    try:
        if name in RSA_WITH or name == RSA:
            need(isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 8192, "has an RSA key that is not accepted")
            return key.verify(signature, message, padding.PKCS1v15(), KIND[RSA_WITH.get(name, beside)]())
        if name == PSS:
            need(isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 8192, "has an RSA key that is not accepted")
            kind = KIND[hash_named(elements(dict((tag, content) for tag, content, _ in elements(found[1][1]))[0xA0])[0][1])]
            return key.verify(signature, message, padding.PSS(padding.MGF1(kind()), padding.PSS.AUTO), kind())
        if name in ECDSA_WITH:
            need(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1"),
                 "has a key that is not accepted")
            return key.verify(signature, message, ec.ECDSA(KIND[ECDSA_WITH[name]]()))
        need(name == ED25519 and isinstance(key, ed25519.Ed25519PublicKey), "is signed in a way that is not accepted")
        key.verify(signature, message)
    except InvalidSignature:
        raise Wrong("its signature does not hold") from None


def extension(certificate, kind):
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def may_stamp(certificate):
    usage, allowed = extension(certificate, x509.ExtendedKeyUsage), extension(certificate, x509.KeyUsage)
    need(usage and usage.critical and list(usage.value) == [x509.ExtendedKeyUsageOID.TIME_STAMPING], "its signer may not stamp")
    if allowed:
        others = ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
        need(not any(getattr(allowed.value, name) for name in others), "its signer's key is for other things too")


def may_issue(certificate, below):
    basic, allowed = extension(certificate, x509.BasicConstraints), extension(certificate, x509.KeyUsage)
    fits = basic and basic.value.ca and (basic.value.path_length is None or basic.value.path_length >= below)
    return fits and (not allowed or allowed.value.key_cert_sign)


def chain_of(signer, roots, others, time):
    """The chain from the signer to a root, each certificate valid at the token's time."""
    def extend(chain):
        last = chain[-1]
        if last.subject == last.issuer:
            return chain if last in roots else None
        for issuer in [*roots, *others] if len(chain) < 8 else []:
            if issuer in chain or issuer.subject != last.issuer or not valid(issuer) or not may_issue(issuer, len(chain) - 1):
                continue
            try:
                last.verify_directly_issued_by(issuer)
            except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
                continue
            if found := extend([*chain, issuer]):
                return found
        return None

    def valid(one):
        known = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.CertificatePolicies)
        understood = all(isinstance(e.value, known) for e in one.extensions if e.critical)
        hashed = one.signature_hash_algorithm
        return one.not_valid_before_utc <= time <= one.not_valid_after_utc and understood and (
            hashed is None or hashed.name in KIND)

    need(valid(signer), "its signer's certificate was not valid then")
    chain = extend([signer])
    need(chain, "no chain leads from its signer to a root")
    return chain


def nonce_of(text):
    """The content of the INTEGER of a positive number in hex."""
    data = bytes.fromhex(text)
    return b"\0" + data if data[:1] >= b"\x80" else data


def check_token(response, stamped, pem, nonce):
    """The time of the token, and until when its chain is valid."""
    try:
        return token(response, stamped, x509.load_pem_x509_certificates(pem), nonce)
    except (ValueError, IndexError, KeyError, TypeError, UnsupportedAlgorithm) as error:
        raise Wrong(f"is no token: {error}") from None


def token(response, stamped, roots, nonce):
    (outer,) = elements(response)
    need(outer[0] == 0x30, "is no response")
    status, info = parts(outer[1], 0x30, 0x30)
    need(parts(status, 2)[0] in (b"\0", b"\1"), "the authority refused")
    kind, wrapped = parts(info, 6, 0xA0)
    signed = elements(parts(wrapped, 0x30)[0])
    need(kind == SIGNED_DATA and [tag for tag, _, _ in signed[:3]] == [2, 0x31, 0x30], "is no SignedData")
    kind, content = parts(signed[2][1], 6, 0xA0)
    content = parts(content, 4)[0]
    need(kind == TST_INFO and signed[-1][0] == 0x31, "is over no TSTInfo")
    inner = elements(parts(content, 0x30)[0])
    need([tag for tag, _, _ in inner[:5]] == [2, 6, 0x30, 2, 0x18] and inner[0][1] == b"\1", "its TSTInfo is malformed")
    algorithm, imprint = parts(inner[2][1], 0x30, 4)
    need(hashlib.new(hash_named(algorithm), stamped).digest() == imprint, "is over other bytes")
    need([value for tag, value, _ in inner[5:] if tag == 2] == [nonce], "has another nonce than was sent")
    when = inner[4][1].decode().rstrip("Z").partition(".")[0]
    time = datetime.datetime.strptime(when, "%Y%m%d%H%M%S").replace(tzinfo=datetime.UTC)
    carried = [element for tag, value, _ in signed[3:-1] if tag == 0xA0 for element in elements(value)]
    need(all(tag in (0x30, 0xA0, 0xA1, 0xA2, 0xA3) for tag, _, _ in carried), "carries what is no certificate")
    others = [x509.load_der_x509_certificate(whole) for tag, _, whole in carried if tag == 0x30]
    (signer_info,) = elements(signed[-1][1])
    need(signer_info[0] == 0x30, "its signer is malformed")
    version, sid, digest, attributes, algorithm, signature, *_ = elements(signer_info[1])
    tags = (version[0], digest[0], attributes[0], algorithm[0], signature[0])
    need(tags == (2, 0x30, 0xA0, 0x30, 4) and sid[0] in (0x30, 0x80), "its signer is malformed")
    named = {}
    for _, attribute, _ in elements(attributes[1]):
        kind, values = parts(attribute, 6, 0x31)
        need(kind not in named, "has a signed attribute twice")
        (named[kind],) = elements(values)
    need(named[CONTENT_TYPE][1] == TST_INFO, "its attributes name another type")
    need(named[MESSAGE_DIGEST][1] == hashlib.new(hash_named(digest[1]), content).digest(), "its attributes are of other content")
    signers = [one for one in [*others, *roots] if is_named(one, sid) and is_bound(one.public_bytes(Encoding.DER), named)]
    need(signers, "its signer's certificate is not there")
    verify(signers[0].public_key(), algorithm[1], hash_named(digest[1]), b"\x31" + attributes[2][1:], signature[1])
    may_stamp(signers[0])
    chain = chain_of(signers[0], [one for one in roots if one.subject == one.issuer], [*others, *roots], time)
    return time, min(one.not_valid_after_utc for one in chain)


def is_named(certificate, sid):
    if sid[0] != 0x30:
        key = extension(certificate, x509.SubjectKeyIdentifier)
        return key is not None and key.value.digest == sid[1]
    issuer, serial = elements(sid[1])
    return issuer[2] == certificate.issuer.public_bytes() and int.from_bytes(serial[1]) == certificate.serial_number


def is_bound(der, named):
    """The signed attributes name this certificate: RFC 5816 and RFC 2634."""
    need(CERTIFICATE in named or CERTIFICATE_V2 in named, "its attributes do not name the signer's certificate")
    if CERTIFICATE_V2 in named:
        first = elements(elements(elements(named[CERTIFICATE_V2][1])[0][1])[0][1])
        name = hash_named(first.pop(0)[1]) if first[0][0] == 0x30 else "sha256"
        if hashlib.new(name, der).digest() != first[0][1]:
            return False
    if CERTIFICATE in named:
        first = elements(elements(elements(named[CERTIFICATE][1])[0][1])[0][1])
        return hashlib.sha1(der).digest() == first[0][1]
    return True
