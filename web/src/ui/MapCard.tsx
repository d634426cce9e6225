// A map as a card: its picture when there is one, else a drawn ground of its own; title, when it changed.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import styles from './MapCard.module.css';

type Props = {
  title: string;
  to: string;
  seed: string;
  detail: string;
  badge?: string | null;
  /** Address of a picture of the map. */
  picture?: string | null;
  menu?: ReactNode;
};

/** A small field plan, the same for the same map: for maps that were never open in this browser. */
function Plan({ seed }: { seed: string }) {
  let state = [...seed].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7);
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const turn = Math.round(random() * 60 - 30);
  const lots = Array.from({ length: 16 }, (_, at) => ({
    x: 20 + (at % 8) * 36 - 10 + random() * 10,
    y: 10 + Math.floor(at / 8) * 52 + random() * 14,
    width: 14 + random() * 20,
    height: 18 + random() * 30,
    strength: random(),
  }));
  const dots = Array.from({ length: 14 }, () => ({
    x: random() * 300,
    y: random() * 120,
    r: 1.5 + random() ** 3 * 7,
  }));
  return (
    <svg
      className={styles.plan}
      viewBox="0 0 300 120"
      preserveAspectRatio="xMidYMid slice"
      aria-hidden="true"
    >
      <g transform={`rotate(${turn} 150 60)`}>
        {lots.map((lot, at) => (
          <rect
            key={at}
            x={lot.x}
            y={lot.y}
            width={lot.width}
            height={lot.height}
            rx={1.5}
            fill="var(--g-accent)"
            opacity={0.05 + lot.strength * 0.16}
          />
        ))}
        <path d="M-60 60H360M150 -80V200" stroke="var(--g-accent)" strokeOpacity={0.35} />
      </g>
      {dots.map((dot, at) => (
        <circle key={at} cx={dot.x} cy={dot.y} r={dot.r} fill="var(--g-accent)" opacity={0.55} />
      ))}
    </svg>
  );
}

export function MapCard({ title, to, seed, detail, badge, picture, menu }: Props) {
  return (
    <article className={styles.card}>
      {picture ? <img className={styles.plan} src={picture} alt="" /> : <Plan seed={seed} />}
      <div className={styles.foot}>
        <div className={styles.words}>
          <Link to={to} className={`${styles.title} truncate`}>
            {title}
          </Link>
          <div className={styles.detail}>
            {detail}
            {badge ? <span className={styles.badge}>{badge}</span> : null}
          </div>
        </div>
        <div className={styles.menu}>{menu}</div>
      </div>
    </article>
  );
}
