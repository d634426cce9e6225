// Someone else saved this map meanwhile: whose version counts?
import { Button, Group, Modal } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../ui/useFormat';
import { useEditor } from './context';

export function ConflictDialog() {
  const { t } = useTranslation();
  const format = useFormat();
  const save = useEditor((editor) => editor.save);
  const takeNewer = useEditor((editor) => editor.takeNewer);
  const keepMine = useEditor((editor) => editor.keepMine);
  if (save.kind !== 'conflict') return null;
  return (
    <Modal
      opened
      onClose={takeNewer}
      withCloseButton={false}
      title={t('conflict.title')}
      size={460}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <p>{t('conflict.text', { when: format.relative(save.newer.updated_at) })}</p>
      <Group justify="flex-end" gap={8} mt={20}>
        <Button variant="default" onClick={keepMine}>
          {t('conflict.keepMine')}
        </Button>
        <Button onClick={takeNewer} data-autofocus>
          {t('conflict.takeNewer')}
        </Button>
      </Group>
    </Modal>
  );
}
