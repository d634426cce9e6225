// Which columns a click shows, in which order.
import { Checkbox, Switch } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { setPopup } from '../../map/document/edit';
import type { Layer } from '../../map/document/types';
import { IconButton } from '../../ui/IconButton';
import { TypeIcon } from '../../ui/TypeIcon';
import { useDocument, useEditor } from './context';
import type { StyleColumn } from './StylePanel';
import styles from './StylePanel.module.css';

export function PopupEditor({ layer, columns }: { layer: Layer; columns: readonly StyleColumn[] }) {
  const { t } = useTranslation();
  const document = useDocument();
  const apply = useEditor((editor) => editor.apply);
  const settings = document.config.popupSettings.layers[layer.id];
  const fields = settings?.click?.fields ?? [];
  const isOn = settings?.enabled !== false && fields.length > 0;
  const chosen = fields.map((field) => field.name);
  const rest = columns.filter((column) => !chosen.includes(column.name));
  const ordered = [
    ...chosen.map((name) => columns.find((column) => column.name === name) ?? { name, type: 'unknown' }),
    ...rest,
  ];
  const set = (names: readonly string[]) =>
    apply(t('popup.act'), (now) =>
      setPopup(now, layer.id, {
        enabled: true,
        fields: names.map((name) => fields.find((field) => field.name === name) ?? { name }),
      }),
    );
  const move = (at: number, by: number) => {
    const names = [...chosen];
    const [name] = names.splice(at, 1);
    names.splice(at + by, 0, name!);
    set(names);
  };

  return (
    <section className={styles.section}>
      <Switch
        label={t('popup.onClick')}
        checked={isOn}
        onChange={(event) => {
          const enabled = event.currentTarget.checked;
          if (enabled && fields.length === 0) set(columns.slice(0, 10).map((column) => column.name));
          else apply(t('popup.act'), (now) => setPopup(now, layer.id, { enabled }));
        }}
      />
      {isOn ? (
        <ul className={styles.fields} aria-label={t('popup.columns')}>
          {ordered.map((column) => {
            const at = chosen.indexOf(column.name);
            return (
              <li key={column.name}>
                {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox is the control */}
                <label>
                  <Checkbox
                    checked={at >= 0}
                    onChange={() =>
                      set(at >= 0 ? chosen.filter((name) => name !== column.name) : [...chosen, column.name])
                    }
                  />
                  <TypeIcon type={column.type} />
                  <span className="truncate">{column.name}</span>
                </label>
                {at >= 0 ? (
                  <>
                    <IconButton
                      icon={IconArrowUp}
                      label={t('popup.moveUp', { column: column.name })}
                      disabledReason={at === 0 ? t('popup.isFirst') : null}
                      onClick={() => move(at, -1)}
                      size={24}
                      iconSize={14}
                    />
                    <IconButton
                      icon={IconArrowDown}
                      label={t('popup.moveDown', { column: column.name })}
                      disabledReason={at === chosen.length - 1 ? t('popup.isLast') : null}
                      onClick={() => move(at, 1)}
                      size={24}
                      iconSize={14}
                    />
                  </>
                ) : null}
              </li>
            );
          })}
        </ul>
      ) : (
        <p className={styles.note}>{t('popup.offText')}</p>
      )}
    </section>
  );
}
