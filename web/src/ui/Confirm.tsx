// Asked only before what cannot be undone: what will happen, and a button that says it.
import { Button, Group, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

type Props = {
  isOpen: boolean;
  title: string;
  children: ReactNode;
  confirm: string;
  isBusy?: boolean;
  isDangerous?: boolean;
  onConfirm: () => void;
  onClose: () => void;
};

export function Confirm({
  isOpen,
  title,
  children,
  confirm,
  isBusy,
  isDangerous = true,
  onConfirm,
  onClose,
}: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={title}
      size={440}
      closeButtonProps={{ 'aria-label': t('actions.close') }}
    >
      {children}
      <Group justify="flex-end" gap={8} mt={20}>
        <Button variant="default" onClick={onClose} data-autofocus>
          {t('actions.cancel')}
        </Button>
        <Button color={isDangerous ? 'red' : 'accent'} loading={isBusy ?? false} onClick={onConfirm}>
          {confirm}
        </Button>
      </Group>
    </Modal>
  );
}
