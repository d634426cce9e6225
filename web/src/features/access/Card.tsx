// The quiet card in which people sign in or claim a new server.
import type { ReactNode } from 'react';
import { WordMark } from '../../ui/Mark';
import styles from './Card.module.css';

export function Card({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <main className={styles.page}>
      <svg className={styles.grid} aria-hidden="true">
        <defs>
          <pattern
            id="centuriation"
            width="72"
            height="72"
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <path d="M72 0H0V72" fill="none" stroke="currentColor" strokeWidth="1" />
          </pattern>
        </defs>
        <rect width="100%" height="100%" fill="url(#centuriation)" />
      </svg>
      <div className={styles.card}>
        <div className={styles.mark}>
          <WordMark />
        </div>
        <h1>{title}</h1>
        {text ? <p className={styles.text}>{text}</p> : null}
        {children}
      </div>
    </main>
  );
}
