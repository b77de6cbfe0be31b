// Refusals as RFC 9457 problem documents.
export const MEDIA_TYPE = 'application/problem+json';

export class Problem extends Error {
  constructor(status, code, retryAfter) {
    super(code);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  send(reply) {
    if (this.retryAfter !== undefined) reply.header('retry-after', this.retryAfter);
    if (this.status === 401) reply.header('www-authenticate', 'Bearer');
    reply.code(this.status).type(MEDIA_TYPE);
    return reply.send(JSON.stringify({ type: `about:${this.code}`, status: this.status, code: this.code }));
  }
}
