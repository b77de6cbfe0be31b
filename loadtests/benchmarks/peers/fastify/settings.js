// Settings of the process, read from the same CREDIT_EASY_* variables that `credit-easy serve` reads.
import { readFileSync } from 'node:fs';

export const CONNECTIONS = 10;
export const BODY_BYTES_MAX = 1024 * 1024;

export function readSettings(environment) {
  const url = new URL(environment.CREDIT_EASY_DATABASE_URL.replace('@/', '@localhost/'));
  const keyring = JSON.parse(readFileSync(environment.CREDIT_EASY_KEYRING, 'utf8'));
  return {
    database: { user: url.username, host: url.searchParams.get('host'), database: url.pathname.slice(1) },
    issuers: JSON.parse(environment.CREDIT_EASY_ISSUERS),
    allowedHosts: new Set(environment.CREDIT_EASY_ALLOWED_HOSTS.split(',')),
    zone: environment.CREDIT_EASY_CITY_ZONE ?? 'Asia/Shanghai',
    encryptionKeys: keyring.encryption_keys,
    indexKey: keyring.index_key,
  };
}
