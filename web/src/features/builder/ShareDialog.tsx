// Sharing: private or public by link, copy the link, publish what changed since.
import { Button, CopyButton, Modal, Textarea, TextInput, UnstyledButton } from '@mantine/core';
import { IconCheck, IconCopy, IconExternalLink, IconLock, IconWorld } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Privacy, publishMap, setPrivacy } from '../../api/maps';
import { setDescription } from '../../map/document/edit';
import { paths } from '../../paths';
import type { Icon } from '../../ui/IconButton';
import { ErrorState } from '../../ui/States';
import { showToast } from '../../ui/toasts';
import { useFormat } from '../../ui/useFormat';
import { useDocument, useEditor, useEditorStore } from './context';
import styles from './ShareDialog.module.css';

type ChoiceProps = { icon: Icon; title: string; text: string; isChosen: boolean; onChoose: () => void };

function Choice({ icon: Shape, title, text, isChosen, onChoose }: ChoiceProps) {
  return (
    <UnstyledButton className={styles.choice} role="radio" aria-checked={isChosen} onClick={onChoose}>
      <Shape size={20} stroke={1.5} />
      <span>
        <strong>{title}</strong>
        <span className="dim">{text}</span>
      </span>
    </UnstyledButton>
  );
}

export function ShareDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const store = useEditorStore();
  const queries = useQueryClient();
  const id = useEditor((editor) => editor.id);
  const summary = useEditor((editor) => editor.summary);
  const apply = useEditor((editor) => editor.apply);
  const document = useDocument();
  const saved = useEditor((editor) => editor.save.kind === 'saved');
  const [description, setTyped] = useState<string | null>(null);
  const link = summary.public_url ?? `${window.location.origin}${paths.viewer(id)}`;
  const isPublic = summary.privacy === 'public';

  const learn = async (map: Awaited<ReturnType<typeof publishMap>>) => {
    store.getState().know(map);
    await queries.invalidateQueries({ queryKey: ['maps', 'list'] });
    await queries.invalidateQueries({ queryKey: ['maps', 'public', id] });
  };
  const privacy = useMutation({
    mutationFn: async (next: Privacy) => {
      await store.getState().saveNow();
      const map = await setPrivacy(id, next);
      await learn(map);
      // A public map shows its published state: the first one comes with the link.
      if (next === 'public' && (!map.published_at || map.has_unpublished_changes))
        await learn(await publishMap(id));
    },
  });
  const publish = useMutation({
    mutationFn: async () => {
      await store.getState().saveNow();
      await learn(await publishMap(id));
    },
    onSuccess: () => showToast({ message: t('share.published') }),
  });
  const hasNews = isPublic && (summary.has_unpublished_changes === true || !saved);

  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={t('share.title', { title: document.title || t('maps.untitled') })}
      size={520}
      closeButtonProps={{ 'aria-label': t('actions.close') }}
    >
      <div className={styles.choices} role="radiogroup" aria-label={t('share.who')}>
        <Choice
          icon={IconLock}
          title={t('share.private')}
          text={t('share.privateText')}
          isChosen={!isPublic}
          onChoose={() => isPublic && privacy.mutate('private')}
        />
        <Choice
          icon={IconWorld}
          title={t('share.public')}
          text={t('share.publicText')}
          isChosen={isPublic}
          onChoose={() => !isPublic && privacy.mutate('public')}
        />
      </div>
      {privacy.isError ? <ErrorState error={privacy.error} title={t('share.failed')} isCompact /> : null}
      {isPublic ? (
        <>
          <div className={styles.link}>
            <TextInput
              size="md"
              label={t('share.link')}
              value={link}
              readOnly
              onFocus={(event) => event.currentTarget.select()}
              data-testid="share-link"
            />
            <CopyButton value={link}>
              {({ copied, copy }) => (
                <Button
                  size="md"
                  variant="default"
                  onClick={copy}
                  leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} stroke={1.5} />}
                >
                  {copied ? t('actions.copied') : t('share.copy')}
                </Button>
              )}
            </CopyButton>
            <Button
              size="md"
              variant="default"
              component="a"
              href={link}
              target="_blank"
              rel="noreferrer"
              leftSection={<IconExternalLink size={16} stroke={1.5} />}
            >
              {t('share.open')}
            </Button>
          </div>
          <Textarea
            mt={14}
            size="sm"
            label={t('share.description')}
            description={t('share.descriptionHint')}
            value={description ?? document.description}
            autosize
            minRows={2}
            maxRows={5}
            onChange={(event) => setTyped(event.currentTarget.value)}
            onBlur={() => {
              if (description !== null)
                apply(t('share.actDescribe'), (now) => setDescription(now, description));
              setTyped(null);
            }}
          />
          <div className={styles.publish}>
            <span>
              <strong>{hasNews ? t('share.unpublished') : t('share.upToDate')}</strong>
              {summary.published_at ? (
                <span className="dim" title={format.exactTime(summary.published_at)}>
                  {t('share.publishedWhen', { when: format.relative(summary.published_at) })}
                </span>
              ) : null}
            </span>
            <Button
              size="md"
              loading={publish.isPending}
              disabled={!hasNews}
              onClick={() => publish.mutate()}
            >
              {t('share.publish')}
            </Button>
          </div>
          {publish.isError ? (
            <ErrorState error={publish.error} title={t('share.publishFailed')} isCompact />
          ) : null}
        </>
      ) : null}
    </Modal>
  );
}
