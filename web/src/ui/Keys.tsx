// A shortcut as it stands on the keyboard: "Mod+K" is ⌘K on a Mac and Ctrl K elsewhere.
import styles from './Keys.module.css';

const isMac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform);

export function keysOf(shortcut: string): string[] {
  return shortcut
    .split('+')
    .map((key) =>
      key === 'Mod'
        ? isMac
          ? '⌘'
          : 'Ctrl'
        : key === 'Shift'
          ? isMac
            ? '⇧'
            : 'Shift'
          : key === 'Alt'
            ? isMac
              ? '⌥'
              : 'Alt'
            : key,
    );
}

export function Keys({ shortcut, plain }: { shortcut: string; plain?: boolean }) {
  if (plain) return <span style={{ opacity: 0.75 }}>{keysOf(shortcut).join(' ')}</span>;
  return (
    <span className={styles.keys}>
      {keysOf(shortcut).map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </span>
  );
}
