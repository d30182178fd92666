// A cloud with an HTTP API of JSON and a token, through the contract's own imports.

import { send as exchange } from 'skywright:host/http@0.1.0';
import { write as log } from 'skywright:host/log@0.1.0';
import { get as setting } from 'skywright:host/settings@0.1.0';

import { acme, failure } from './acme.js';

// The host fills in the token.
const AUTHORIZATION = [
  { tag: 'plain', val: 'Bearer ' },
  { tag: 'secret', val: 'token' },
];

function get(url) {
  const request = {
    method: 'get',
    url,
    replay: 'safe',
    bucket: undefined,
    headers: [['authorization', AUTHORIZATION]],
    body: undefined,
    captures: [],
    timeoutMs: undefined,
  };
  log('debug', 'asking', [['url', url]]);
  try {
    return exchange(request);
  } catch (error) {
    throw ofExchange(error.payload);
  }
}

function ofExchange({ tag, val }) {
  switch (tag) {
    case 'denied':
      return failure('forbidden', 'egress-denied', val);
    case 'no-credential':
      return failure('unauthenticated', 'no-credential', val);
    case 'invalid':
      return failure('internal', 'invalid-http-request', val);
    case 'timeout':
      return failure('timeout', 'timeout', 'the cloud did not answer in time', { retryMs: 1000 });
    case 'too-large':
      return failure('unsupported', 'answer-too-large', `the cloud's answer is larger than ${val} bytes`);
    default:
      return failure('unavailable', 'transport', val, { retryMs: 1000 });
  }
}

export const { driver, catalog } = acme({ get, setting, secrets: ['token'] });
