// The `?` sheet: every shortcut that works on this page, made from the action records.
import { Modal } from '@mantine/core';
import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import { type Action, allActions, useRegistry } from '../../ui/actions';
import { Keys } from '../../ui/Keys';
import styles from './ShortcutSheet.module.css';

export function ShortcutSheet({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const sets = useRegistry((state) => state.sets);
  const groups = new Map<string, Action[]>();
  for (const action of allActions(sets)) {
    if (action.shortcut) groups.set(action.group, [...(groups.get(action.group) ?? []), action]);
  }
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={t('commands.shortcuts')}
      size={520}
      closeButtonProps={{ 'aria-label': t('actions.close') }}
    >
      <div className={styles.list}>
        {[...groups].map(([group, actions]) => (
          <Fragment key={group}>
            <h2 className={styles.group}>{group}</h2>
            {actions.map((action) => (
              <div key={action.id} className={styles.row}>
                <span>{action.label}</span>
                <span>
                  <Keys shortcut={action.shortcut!} />
                </span>
              </div>
            ))}
          </Fragment>
        ))}
      </div>
    </Modal>
  );
}
