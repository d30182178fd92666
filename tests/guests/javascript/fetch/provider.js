// The same cloud through `fetch`, which cannot name a credential and so sends none.

import { get as setting } from 'skywright:host/settings@0.1.0';

import { acme, failure } from '../acme.js';

async function get(url) {
  console.log(`asking ${url} at ${Date.now()} (${Math.random()})`);
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw failure('unavailable', 'transport', `${error.message}`, { retryMs: 1000 });
  }
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: [...response.headers], body };
}

export const { driver, catalog } = acme({ get, setting, secrets: [] });

// Declared, and no endpoint with it: what is there is out of reach unless the tenant grants it.
const { describe } = driver;
driver.describe = () => {
  const info = describe();
  const images = { key: 'images-url', kind: 'url', required: false, choices: [], description: 'where images are' };
  return { ...info, settings: [...info.settings, images] };
};

catalog.images = async () => {
  const { body } = await get(setting('images-url'));
  const items = JSON.parse(new TextDecoder().decode(body));
  const image = (name) => ({ id: name, name, minDiskGib: 0, minMemoryMib: 0n, attributes: [] });
  return { items: items.map(image) };
};
