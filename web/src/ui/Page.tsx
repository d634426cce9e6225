// A page of the workspace: title row (what, how many, one primary action), toolbar, content.
import type { ReactNode } from 'react';
import { useEffect } from 'react';
import styles from './Page.module.css';

type Props = {
  title: string;
  count?: string | null;
  action?: ReactNode;
  toolbar?: ReactNode;
  children: ReactNode;
  width?: 'full' | 'reading';
};

export function useDocumentTitle(title: string) {
  useEffect(() => {
    document.title = title ? `${title} · Groma` : 'Groma';
  }, [title]);
}

export function Page({ title, count, action, toolbar, children, width = 'full' }: Props) {
  useDocumentTitle(title);
  return (
    <div className={styles.page} data-width={width}>
      <header className={styles.header}>
        <h1>
          {title}
          {count ? <span className={styles.count}>{count}</span> : null}
        </h1>
        <div className={styles.actions}>{action}</div>
      </header>
      {toolbar ? <div className={styles.toolbar}>{toolbar}</div> : null}
      <div className={styles.content}>{children}</div>
    </div>
  );
}
