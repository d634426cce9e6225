// Who is here: first start, sign-in, sign-out, and the person behind the cookie.
import { queryOptions } from '@tanstack/react-query';
import { ApiError } from '../lib/problem';
import { rememberCsrf, request } from './http';

export type Me = {
  person: { id: string; name: string; email: string };
  organisation: { id: string; name: string };
  csrf: string;
  api_base_url: string;
  version: string;
};

export type Setup = { state: 'unclaimed' | 'ready'; version: string };

export const setupQuery = queryOptions({
  queryKey: ['setup'],
  queryFn: ({ signal }) => request<Setup>('/workspace-api/setup', { signal }),
  staleTime: 60_000,
});

async function readMe(signal?: AbortSignal): Promise<Me | null> {
  try {
    const me = await request<Me>('/workspace-api/me', signal ? { signal } : {});
    rememberCsrf(me.csrf);
    return me;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** Null when nobody is signed in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => readMe(signal),
  staleTime: 300_000,
});

export type Claim = { claim: string; organisation: string; name: string; email: string; password: string };

export async function claimServer(claim: Claim): Promise<Me | null> {
  await request('/workspace-api/setup/claim', { method: 'POST', body: claim });
  return readMe();
}

export async function signIn(email: string, password: string): Promise<Me | null> {
  await request('/workspace-api/sign-in', { method: 'POST', body: { email, password } });
  return readMe();
}

export async function signOut(): Promise<void> {
  await request('/workspace-api/sign-out', { method: 'POST' });
  rememberCsrf(null);
}
