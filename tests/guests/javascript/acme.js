// What `plugins/sdk/examples/minimal_provider.rs` does, so that one test can call either. Requests are the
// caller's: `get(url)` gives `{ status, headers, body }`, at once or later, or throws the contract's error.

export function acme({ get, setting, secrets }) {
  const SETTINGS = [
    declared('url', 'url', 'where the API is'),
    ...secrets.map((name) => declared(name, 'secret', 'an API token')),
  ];

  async function json(path, readShape) {
    const url = setting('url');
    if (!url) {
      throw failure('invalid-request', 'missing-setting', 'the setting url is missing', { subject: 'url' });
    }
    const target = path(url.replace(/\/+$/, ''));
    const response = await get(target);
    if (response.status >= 400) throw refusal(response);
    try {
      return readShape(JSON.parse(new TextDecoder().decode(response.body)));
    } catch (error) {
      const message = `the cloud's answer is not what was expected: ${error.message}`;
      throw failure('internal', 'unexpected-answer', message, { status: response.status });
    }
  }

  const driver = {
    describe() {
      return {
        name: 'acme',
        title: 'Acme',
        documentation: '',
        settings: SETTINGS,
        endpoints: [{ name: 'api', pattern: '{url}', credentials: secrets }],
        rates: [],
      };
    },

    validate(given) {
      return [...unknown(SETTINGS, given), ...SETTINGS.flatMap((setting) => findings(setting, given))];
    },

    capabilitiesOf(_region) {
      return {
        publicAddressMode: 'ephemeral',
        virtualIp: false,
        managedNat: false,
        portSecurityToggle: false,
        ipv6: false,
        resize: false,
        userDataLimitBytes: 16 << 10,
        idempotentCreate: false,
        createParallelism: 4,
      };
    },

    poll: noChange,
    cancel: noChange,
  };

  const catalog = {
    regions() {
      return json((base) => `${base}/regions`, strings);
    },

    async zones() {
      const regions = await catalog.regions();
      return regions.map((name) => ({ name, region: name, available: true }));
    },

    async templates(cursor) {
      const page = await json((base) => pageUrl(base, cursor), plans);
      if (page.next !== undefined && page.next === cursor) {
        const message = 'a page of the listing names itself as the following one';
        throw failure('internal', 'endless-listing', message);
      }
      return page;
    },

    images(_cursor) {
      return { items: [], next: undefined };
    },
  };

  return { driver, catalog };
}

// An error of the contract.
export function failure(category, code, message, { subject, status, retryMs, hint } = {}) {
  return {
    category,
    code,
    message: fragment(message),
    subject,
    httpStatus: status,
    retry: retryMs === undefined ? { tag: 'never' } : { tag: 'after-ms', val: BigInt(retryMs) },
    hint,
  };
}

// One fragment: white space as single spaces, no full stop, no capital unless of an abbreviation.
function fragment(text) {
  const words = text.trim().split(/\s+/).join(' ').replace(/\.+$/, '');
  const [first = '', second = '', ...rest] = words;
  const isAbbreviation = second !== second.toLowerCase();
  return [isAbbreviation ? first : first.toLowerCase(), second, ...rest].slice(0, 400).join('');
}

function declared(key, kind, description) {
  return { key, kind, required: true, default: undefined, choices: [], description };
}

function unknown(settings, given) {
  const known = settings.map((setting) => setting.key);
  const detail = `known are ${[...known].sort().join(', ')}`;
  return given
    .filter(([key]) => !known.includes(key))
    .map(([key]) => finding(key, 'there is no such setting', detail));
}

function findings({ key, kind }, given) {
  if (kind === 'secret') return [];
  const value = given.find(([name]) => name === key)?.[1];
  if (!value) return [finding(key, 'the setting is missing')];
  if (/^https?:\/\/[^/?#@\s]+([/?#]\S*)?$/.test(value)) return [];
  return [finding(key, 'not a URL', 'expected http://… or https://…, without a user')];
}

function finding(path, summary, detail) {
  return { severity: 'error', path, summary, detail };
}

// This cloud changes nothing in its own time, so no token is one of its.
function noChange(_token) {
  throw failure('invalid-request', 'unknown-token', 'the token is not of a change made here');
}

// A cursor is a link without its origin, which behind a proxy is often wrong.
function pageUrl(base, cursor) {
  if (cursor?.startsWith('/')) return `${origin(base)}${cursor}`;
  const marker = cursor === undefined ? '' : `&marker=${encodeURIComponent(cursor.replace(/^=/, ''))}`;
  return `${base}/plans?limit=100${marker}`;
}

function origin(url) {
  return /^[^:]+:\/\/[^/?#]+/.exec(url)?.[0] ?? '';
}

function strings(value) {
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw new TypeError('a list of strings is missing');
  }
  return value;
}

function plans({ plans: items, next }) {
  const link = next?.startsWith('/') ? next : next?.slice(origin(next).length);
  return {
    items: items.map(template),
    next: link === undefined || link.startsWith('/') ? link : `/${link}`,
  };
}

function template({ id, cpus, memory_mib, disk_gib }) {
  return {
    id,
    name: id,
    vcpus: cpus,
    memoryMib: BigInt(memory_mib),
    diskGib: disk_gib,
    diskKind: 'network',
    architecture: 'amd64',
    cpuGhz: undefined,
    gpuCount: 0,
    gpuModel: undefined,
    attributes: [],
  };
}

const BY_STATUS = new Map([
  [400, { category: 'invalid-request' }],
  [401, { category: 'unauthenticated', hint: 'check the credentials of the tenant' }],
  [403, { category: 'forbidden', hint: 'the account lacks a role for this' }],
  [404, { category: 'not-found' }],
  [405, { category: 'unsupported' }],
  [406, { category: 'unsupported' }],
  [408, { category: 'timeout', retryMs: 1000 }],
  [409, { category: 'conflict' }],
  [410, { category: 'not-found' }],
  [412, { category: 'conflict' }],
  [413, { category: 'invalid-request' }],
  [422, { category: 'invalid-request' }],
  [429, { category: 'rate-limited', retryMs: 5000 }],
  [501, { category: 'unsupported' }],
  [504, { category: 'timeout', retryMs: 5000 }],
]);
const OTHER_REFUSAL = { category: 'other' };
const OTHER_FAILURE = { category: 'unavailable', retryMs: 5000 };
const LIMIT_REACHED = { category: 'quota', hint: 'ask for a higher limit' };

function refusal({ status, headers, body }) {
  const { code, message } = fault(body);
  const own = code?.toLowerCase().includes('limit_reached') ? LIMIT_REACHED : undefined;
  const { category, retryMs, hint } =
    own ?? BY_STATUS.get(status) ?? (status < 500 ? OTHER_REFUSAL : OTHER_FAILURE);
  const seconds = headers.find(([name]) => name === 'retry-after')?.[1].trim() ?? '';
  return failure(category, code ?? `${status}`, message ?? `the cloud answered with status ${status}`, {
    status,
    hint,
    retryMs: retryMs !== undefined && /^\d+$/.test(seconds) ? Number(seconds) * 1000 : retryMs,
  });
}

// A body that is none of this cloud's, such as a proxy's in HTML, says nothing.
function fault(body) {
  try {
    const { code, message } = JSON.parse(new TextDecoder().decode(body));
    const text = (value) => (typeof value === 'string' ? value : undefined);
    return { code: text(code), message: text(message) };
  } catch {
    return {};
  }
}
