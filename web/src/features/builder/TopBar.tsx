// The top of the builder: back, title in place, saved state in words, undo, preview, share.
import { Button } from '@mantine/core';
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconArrowLeft,
  IconExternalLink,
  IconShare,
} from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { layersOf, setTitle } from '../../map/document/edit';
import { paths } from '../../paths';
import { IconButton } from '../../ui/IconButton';
import { useFormat } from '../../ui/useFormat';
import styles from './Builder.module.css';
import { useDocument, useEditor } from './context';
import type { SaveState } from './editor';

function TitleField() {
  const { t } = useTranslation();
  const { title } = useDocument();
  const apply = useEditor((editor) => editor.apply);
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <input
      className={styles.title}
      aria-label={t('builder.title')}
      value={typed ?? title}
      placeholder={t('maps.untitled')}
      maxLength={200}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => {
        if (typed !== null)
          apply(t('builder.actRename'), (document) => setTitle(document, typed.trim() || t('maps.untitled')));
        setTyped(null);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        if (event.key === 'Escape') {
          setTyped(null);
          event.stopPropagation();
        }
      }}
    />
  );
}

function useSavedText(state: SaveState): string {
  const { t } = useTranslation();
  const format = useFormat();
  switch (state.kind) {
    case 'saved':
      return t('builder.saved', { time: format.clock(state.at) });
    case 'waiting':
    case 'saving':
      return t('builder.saving');
    case 'offline':
      return t('builder.offline', { count: state.changes });
    case 'conflict':
      return t('builder.conflictShort');
    case 'failed':
      return t('builder.saveFailed', { reason: state.error.message });
  }
}

function SavedState() {
  const state = useEditor((editor) => editor.save);
  const text = useSavedText(state);
  const isProblem = state.kind === 'failed' || state.kind === 'conflict' || state.kind === 'offline';
  return (
    <span
      className={styles.saved}
      role="status"
      data-state={state.kind}
      data-testid="save-state"
      data-problem={isProblem || undefined}
      title={text}
    >
      {text}
    </span>
  );
}

export function TopBar({ onShare }: { onShare: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const document = useDocument();
  const id = useEditor((editor) => editor.id);
  const summary = useEditor((editor) => editor.summary);
  const history = useEditor((editor) => editor.history);
  const undo = useEditor((editor) => editor.undo);
  const redo = useEditor((editor) => editor.redo);
  const undoLabel = history.past.at(-1)?.label;
  const redoLabel = history.future[0]?.label;
  const hasNews = summary.privacy === 'public' && summary.has_unpublished_changes;
  const whyNoShare = layersOf(document).length === 0 ? t('share.needsLayer') : null;

  return (
    <header className={styles.top}>
      <IconButton
        icon={IconArrowLeft}
        label={t('builder.back')}
        onClick={() => void navigate({ to: paths.maps })}
        iconSize={20}
      />
      <TitleField />
      <SavedState />
      <div className={styles.grow} />
      <IconButton
        icon={IconArrowBackUp}
        label={undoLabel ? t('builder.undoWhat', { what: undoLabel }) : t('builder.undo')}
        shortcut="Mod+Z"
        disabledReason={undoLabel === undefined ? t('builder.nothingToUndo') : null}
        onClick={undo}
        iconSize={20}
      />
      <IconButton
        icon={IconArrowForwardUp}
        label={redoLabel ? t('builder.redoWhat', { what: redoLabel }) : t('builder.redo')}
        shortcut="Mod+Shift+Z"
        disabledReason={redoLabel === undefined ? t('builder.nothingToRedo') : null}
        onClick={redo}
        iconSize={20}
      />
      <IconButton
        icon={IconExternalLink}
        label={t('builder.preview')}
        disabledReason={summary.privacy === 'public' ? null : t('builder.previewNeedsPublic')}
        onClick={() => window.open(paths.viewer(id), '_blank')}
        iconSize={20}
      />
      <Button
        ml={6}
        leftSection={<IconShare size={16} stroke={1.5} />}
        onClick={onShare}
        data-disabled={whyNoShare ? true : undefined}
        aria-disabled={whyNoShare ? true : undefined}
        title={whyNoShare ?? undefined}
      >
        {t('share.action')}
        {hasNews ? (
          <span className={styles.publishDot} role="img" aria-label={t('share.unpublished')} />
        ) : null}
      </Button>
    </header>
  );
}
