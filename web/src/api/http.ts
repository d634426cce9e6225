// One way to talk to our own server: JSON in, JSON out, errors in the server's words.
import { ApiError } from '../lib/problem';

let csrf: string | null = null;

/** Every change carries this value, so that no other site can make one for us. */
export function rememberCsrf(value: string | null): void {
  csrf = value;
}

export type RequestOptions = {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  query?: Record<string, string | number | boolean | null | undefined>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
};

function urlWith(path: string, query: RequestOptions['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const { method = 'GET', body, signal } = options;
  const url = urlWith(path, options.query);
  const said = `${method} ${path}`;
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['X-Groma-Csrf'] = csrf;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError('The server cannot be reached.', 0, 'offline', null, null, said);
  }
  return readAnswer<T>(response, said);
}

/** The JSON of an answer, or its error as an `ApiError`. */
export async function readAnswer<T>(response: Response, said: string): Promise<T> {
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  let json: unknown = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(
      `The answer is not JSON (${response.status}).`,
      response.status,
      null,
      null,
      text.slice(0, 2000),
      said,
    );
  }
  if (response.ok) return json as T;
  const problem = (json ?? {}) as { error?: string; code?: string; hint?: string };
  throw new ApiError(
    problem.error ?? response.statusText,
    response.status,
    problem.code ?? null,
    problem.hint ?? null,
    json,
    said,
  );
}

/** A raw upload with progress, which `fetch` cannot report. */
export function upload<T>(
  path: string,
  file: Blob,
  onProgress: (sent: number, total: number) => void,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const said = `POST ${path.split('?')[0]}`;
    const xhr = new XMLHttpRequest();
    xhr.open('POST', path);
    xhr.setRequestHeader('Accept', 'application/json');
    xhr.setRequestHeader('Content-Type', 'application/octet-stream');
    if (csrf) xhr.setRequestHeader('X-Groma-Csrf', csrf);
    xhr.upload.onprogress = (event) => onProgress(event.loaded, event.total || file.size);
    xhr.onerror = () => reject(new ApiError('The server cannot be reached.', 0, 'offline', null, null, said));
    xhr.onabort = () => reject(new DOMException('Cancelled', 'AbortError'));
    xhr.onload = () => {
      readAnswer<T>(new Response(xhr.responseText, { status: xhr.status }), said).then(resolve, reject);
    };
    signal?.addEventListener('abort', () => xhr.abort());
    xhr.send(file);
  });
}

export type Items<T> = { items: T[]; next?: string | null };
