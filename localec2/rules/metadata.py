"""The metadata service."""

from __future__ import annotations

from .rule import GUIDE, IMDS, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "imds-token",
        "metadata",
        "PUT /latest/api/token with a TTL of 1 to 21600 s; without a valid token 401.",
        IMDS,
    ),
    Rule(
        "imds-forwarded",
        "metadata",
        "A request with X-Forwarded-For is refused with 403.",
        IMDS,
    ),
    Rule(
        "imds-content",
        "metadata",
        "Identity, placement, raw user-data; spot/instance-action is 404 unless the "
        "instance is about to be interrupted.",
        f"{GUIDE}/instancedata-data-categories.html",
    ),
    Rule(
        "imds-identity",
        "metadata",
        "The identity document, its RSA signature, and PKCS #7 with the document in "
        "it; pendingTime is renewed by a start.",
        f"{GUIDE}/instance-identity-documents.html",
    ),
)
