// The mark: two crossed lines in a square on its corner, four strokes and a cross.
type Props = { size?: number; title?: string };

export function Mark({ size = 24, title }: Props) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      fill="none"
      stroke="var(--g-accent)"
      strokeWidth={2.4}
      strokeLinecap="round"
      role={title ? 'img' : undefined}
      aria-hidden={title ? undefined : true}
      aria-label={title}
    >
      <rect x="6.1" y="6.1" width="19.8" height="19.8" rx="2" transform="rotate(45 16 16)" />
      <path d="M16 2v28M2 16h28" />
    </svg>
  );
}

export function WordMark({ size = 20 }: { size?: number }) {
  return (
    <span style={{ display: 'inline-flex', alignItems: 'center', gap: size * 0.45 }}>
      <Mark size={size * 1.4} />
      <span style={{ fontSize: size, fontWeight: 600, letterSpacing: '-0.02em' }}>groma</span>
    </span>
  );
}
