export const WAYS = ["plain, session", "plain, transaction", "tls, session", "tls, transaction"] as const;
export type Way = (typeof WAYS)[number];

/** From the first line that differs to the end. */
export type Parting = readonly [postgres: readonly string[], dataPlane: readonly string[]];

export interface KnownDifference {
  readonly reason: string;
  /** By script: both sides' words, on every way on which it is played. */
  readonly scripts: Readonly<Record<string, Parting>>;
}

/** All that a client is told otherwise than by PostgreSQL before it has logged in. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    reason: "A role that may not log in is, to a stranger, one that does not exist.",
    scripts: {
      "SCRAM: a role that may not log in": [
        [
          "R 12 v=46 bytes",
          'R 0 ""',
          'E S=FATAL | V=FATAL | C=28000 | M=role "no_login" is not permitted to log in',
          "closed",
        ],
        ['E S=FATAL | V=FATAL | C=28P01 | M=password authentication failed for user "no_login"', "closed"],
      ],
    },
  },
  {
    reason: "Broken SCRAM: Supavisor's words and code, and one SQLSTATE for all.",
    scripts: {
      "SCRAM: a nonce that is not ours": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=invalid SCRAM response | D=Nonce does not match.", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: a proof of 31 bytes": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=malformed SCRAM message | D=Malformed proof in client-final-message.",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: a proof that is no base64": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=malformed SCRAM message | D=Malformed proof in client-final-message.",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: no proof": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=malformed SCRAM message | D=Attribute expected, but found end of string.",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: an empty final message": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=malformed SCRAM message | D=The message is empty.", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: a binding that was not agreed on": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=unexpected SCRAM channel-binding attribute in client-final-message",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: an authorization identity": [
        [
          "E S=FATAL | V=FATAL | C=0A000 | M=client uses authorization identity, but it is not supported",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: a flag that is none": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=malformed SCRAM message | D=Unexpected channel-binding flag \"'x'\".",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM-PLUS: not offered in clear": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=client selected an invalid SASL authentication mechanism",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "instead of a password: a mechanism that was not offered": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=client selected an invalid SASL authentication mechanism",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "instead of a password: a response longer than its message": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=insufficient data left in message", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "instead of a password: no nonce": [
        [
          'E S=FATAL | V=FATAL | C=08P01 | M=malformed SCRAM message | D=Expected attribute "r" but found "0x00".',
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "instead of a password: a mandatory extension": [
        ["E S=FATAL | V=FATAL | C=0A000 | M=client requires an unsupported SCRAM extension", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM: the flag y, where -PLUS was offered": [
        [
          "E S=FATAL | V=FATAL | C=28000 | M=SCRAM channel binding negotiation error | D=The client supports SCRAM channel binding but thinks the server does not.  However, this server does support channel binding.",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM-PLUS: another certificate's binding": [
        ["E S=FATAL | V=FATAL | C=28000 | M=SCRAM channel binding check failed", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM-PLUS: no binding": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=malformed SCRAM message | D=The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
      "SCRAM-PLUS: tls-unique": [
        ['E S=FATAL | V=FATAL | C=08P01 | M=unsupported SCRAM channel-binding type "tls-unique"', "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(EAUTHPROTOCOL) protocol violation during authentication",
          "closed",
        ],
      ],
    },
  },
  {
    reason: "An empty password is a wrong one.",
    scripts: {
      "MD5: an empty answer": [
        ["E S=FATAL | V=FATAL | C=28P01 | M=empty password returned by client", "closed"],
        ['E S=FATAL | V=FATAL | C=28P01 | M=password authentication failed for user "md5_role"', "closed"],
      ],
      "cleartext: an empty password": [
        ["E S=FATAL | V=FATAL | C=28P01 | M=empty password returned by client", "closed"],
        ['E S=FATAL | V=FATAL | C=28P01 | M=password authentication failed for user "clear_role"', "closed"],
      ],
    },
  },
  {
    reason:
      "A message that is none: where it stands, in our words; PostgreSQL takes a length that no message has for a failed login.",
    scripts: {
      "instead of a password: a query": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=expected SASL response, got message type 81", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=invalid frontend message: type 0x51 where another was due",
          "closed",
        ],
      ],
      "instead of a password: another startup packet": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=expected SASL response, got message type 0", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=invalid frontend message: type 0x00 where another was due",
          "closed",
        ],
      ],
      "instead of a password: an empty message": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=invalid string in message", "closed"],
        ["E S=FATAL | V=FATAL | C=08P01 | M=invalid frontend message: a string has no end", "closed"],
      ],
      "instead of a password: Terminate": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=expected SASL response, got message type 88", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=invalid frontend message: type 0x58 where another was due",
          "closed",
        ],
      ],
      "instead of a password: a message of 2 GB": [
        ['E S=FATAL | V=FATAL | C=28P01 | M=password authentication failed for user "scram"', "closed"],
        ["E S=FATAL | V=FATAL | C=08P01 | M=invalid frontend message: bad length", "closed"],
      ],
      "instead of a password: a length below 4": [
        ['E S=FATAL | V=FATAL | C=28P01 | M=password authentication failed for user "scram"', "closed"],
        ["E S=FATAL | V=FATAL | C=08P01 | M=invalid frontend message: bad length", "closed"],
      ],
      "cleartext: a message without an end": [
        ["E S=FATAL | V=FATAL | C=08P01 | M=invalid password packet size", "closed"],
        ["E S=FATAL | V=FATAL | C=08P01 | M=invalid frontend message: a string has no end", "closed"],
      ],
    },
  },
  {
    reason: "Bytes behind a request for encryption: refused before it is answered, and not after.",
    scripts: {
      "encryption: bytes behind the request for GSS": [
        [
          "byte N",
          "E S=FATAL | V=FATAL | C=08P01 | M=received unencrypted data after GSSAPI encryption request | D=This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: bytes behind an encryption request",
          "closed",
        ],
      ],
      "encryption: bytes behind the request for TLS": [
        ["byte S", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: bytes behind an encryption request",
          "closed",
        ],
      ],
      "encryption: bytes behind the request for TLS, of which there is none": [
        [
          "byte N",
          "E S=FATAL | V=FATAL | C=08P01 | M=received unencrypted data after SSL request | D=This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: bytes behind an encryption request",
          "closed",
        ],
      ],
    },
  },
  {
    reason:
      "A second request for encryption: Supavisor's code, where PostgreSQL takes it for a version of the protocol.",
    scripts: {
      "encryption: GSS twice": [
        [
          "E S=FATAL | V=FATAL | C=0A000 | M=unsupported frontend protocol 1234.5680: server supports 3.0 to 3.2",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: repeated GSSENCRequest",
          "closed",
        ],
      ],
      "encryption: TLS refused, then asked for again": [
        [
          "E S=FATAL | V=FATAL | C=0A000 | M=unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: repeated SSLRequest",
          "closed",
        ],
      ],
      "encryption: TLS inside TLS": [
        [
          "E S=FATAL | V=FATAL | C=0A000 | M=unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: repeated SSLRequest",
          "closed",
        ],
      ],
      "encryption: GSS inside TLS": [
        [
          "E S=FATAL | V=FATAL | C=0A000 | M=unsupported frontend protocol 1234.5680: server supports 3.0 to 3.2",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: repeated GSSENCRequest",
          "closed",
        ],
      ],
    },
  },
  {
    reason: "A length that no startup packet has is answered; PostgreSQL says nothing.",
    scripts: {
      "startup: a length of 0": [
        ["closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: invalid length of startup packet",
          "closed",
        ],
      ],
      "startup: a length of 3": [
        ["closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: invalid length of startup packet",
          "closed",
        ],
      ],
      "startup: a length of 7": [
        ["closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: invalid length of startup packet",
          "closed",
        ],
      ],
      "startup: a length of 2 GB": [
        ["closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPPACKETTOOLARGE) Startup packet too large: 2147483647 bytes (max 10000 bytes)",
          "closed",
        ],
      ],
      "startup: a length below 0": [
        ["closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: invalid length of startup packet",
          "closed",
        ],
      ],
      "startup: a password first": [
        ["closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPPACKETTOOLARGE) Startup packet too large: 1879048192 bytes (max 10000 bytes)",
          "closed",
        ],
      ],
      "startup: a query first": [
        ["closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPPACKETTOOLARGE) Startup packet too large: 1358954496 bytes (max 10000 bytes)",
          "closed",
        ],
      ],
    },
  },
  {
    reason: "A startup packet that cannot be read, or names nobody: Supavisor's words and code.",
    scripts: {
      "startup: no terminator": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=invalid startup packet layout: expected terminator as last byte",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: startup packet has no terminator",
          "closed",
        ],
      ],
      "startup: bytes behind the terminator": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=invalid startup packet layout: expected terminator as last byte",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: bytes behind the startup packet's terminator",
          "closed",
        ],
      ],
      "startup: a name without a value": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=invalid startup packet layout: expected terminator as last byte",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: a startup parameter has no value",
          "closed",
        ],
      ],
      "startup: no parameters": [
        ["E S=FATAL | V=FATAL | C=28000 | M=no PostgreSQL user name specified in startup packet", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: no user name",
          "closed",
        ],
      ],
      "startup: nothing": [
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=invalid startup packet layout: expected terminator as last byte",
          "closed",
        ],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: startup packet has no terminator",
          "closed",
        ],
      ],
      "startup: no user": [
        ["E S=FATAL | V=FATAL | C=28000 | M=no PostgreSQL user name specified in startup packet", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: no user name",
          "closed",
        ],
      ],
      "startup: an empty user": [
        ["E S=FATAL | V=FATAL | C=28000 | M=no PostgreSQL user name specified in startup packet", "closed"],
        [
          "E S=FATAL | V=FATAL | C=08P01 | M=(ESTARTUPMESSAGE) Invalid startup message: no user name",
          "closed",
        ],
      ],
    },
  },
];
