import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/** A key pair as an identity provider has it. */
export class SigningKey {
  /** The public half, as it is published. */
  readonly jwk: JWK;
  readonly #alg: string;
  readonly #kid: string;
  readonly #private: CryptoKey;

  private constructor(alg: string, kid: string, privateKey: CryptoKey, jwk: JWK) {
    this.#alg = alg;
    this.#kid = kid;
    this.#private = privateKey;
    this.jwk = jwk;
  }

  /** `published` takes the place of what the public half would say. */
  static async make(alg: string, kid: string, published: Partial<JWK> = {}): Promise<SigningKey> {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig', ...published } as JWK;
    return new SigningKey(alg, kid, privateKey, jwk);
  }

  /** The private half, as it must never be published. */
  privateJwk(): Promise<JWK> {
    return exportJWK(this.#private);
  }

  /** A good token for an hour. */
  sign(user: string, header: { readonly kid?: string } = { kid: this.#kid }): Promise<string> {
    return new SignJWT()
      .setProtectedHeader({ alg: this.#alg, ...header })
      .setSubject(user)
      .setExpirationTime('1h')
      .sign(this.#private);
  }
}
