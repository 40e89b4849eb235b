// What an ICMP echo request came to, whichever program sent it.
export type Echo =
  | { readonly kind: 'reply'; readonly latencyMs: number }
  | { readonly kind: 'none'; readonly reason: string }
  /** The program could not ask: nothing is known of the host. */
  | { readonly kind: 'unable'; readonly reason: string }
