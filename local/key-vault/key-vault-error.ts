/** An answer of the service other than success; rendered as Key Vault's `{ error: { code, message } }`. */
export class KeyVaultError extends Error {
  override readonly name = 'KeyVaultError';
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;

  constructor(status: number, code: string, message: string, innerCode?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.innerCode = innerCode;
  }

  /** The body as Key Vault sends it. */
  toBody(): object {
    const inner = this.innerCode === undefined ? {} : { innererror: { code: this.innerCode } };
    return { error: { code: this.code, message: this.message, ...inner } };
  }
}

export const badParameter = (message: string): KeyVaultError => new KeyVaultError(400, 'BadParameter', message);

export const secretNotFound = (id: string): KeyVaultError =>
  new KeyVaultError(404, 'SecretNotFound', `A secret with (name/id) ${id} was not found in this key vault.`);

export const secretDisabled = (): KeyVaultError =>
  new KeyVaultError(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', 'SecretDisabled');
