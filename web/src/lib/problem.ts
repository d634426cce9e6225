// What went wrong when the server was asked, in its own words.
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null = null,
    readonly hint: string | null = null,
    /** The whole answer, for people who want to copy it. */
    readonly body: unknown = null,
    readonly request = '',
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** What a person pastes into a report. */
export function errorDetail(error: unknown): string {
  if (error instanceof ApiError) {
    const body = error.body === null ? '' : `\n${JSON.stringify(error.body, null, 2)}`;
    return `${error.request}\n${error.status || 'no answer'}: ${error.message}${body}`;
  }
  return error instanceof Error ? error.message : String(error);
}
