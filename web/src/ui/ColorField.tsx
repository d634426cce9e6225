// One colour: a swatch that opens a picker with good first choices.
import { ColorPicker, Popover, TextInput, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './ColorField.module.css';

type Props = { label: string; value: string; onChange: (hex: string) => void; swatches: readonly string[] };

export function ColorField({ label, value, onChange, swatches }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState<string | null>(null);
  const commit = (text: string) => {
    const hex = text.startsWith('#') ? text : `#${text}`;
    if (/^#[0-9a-f]{6}$/i.test(hex)) onChange(hex.toLowerCase());
    setTyped(null);
  };
  return (
    <Popover position="bottom-start" trapFocus withinPortal>
      <Popover.Target>
        <UnstyledButton className={styles.field} aria-label={`${label}: ${value}`}>
          <span className={styles.swatch} style={{ background: value }} />
          <span className="numbers">{value.toUpperCase()}</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <ColorPicker
          value={value}
          onChange={onChange}
          format="hex"
          size="sm"
          swatches={[...swatches]}
          swatchesPerRow={8}
          saturationLabel={t('style.saturation')}
          hueLabel={t('style.hue')}
        />
        <TextInput
          mt={8}
          aria-label={t('style.hex')}
          value={typed ?? value}
          onChange={(event) => setTyped(event.currentTarget.value)}
          onBlur={(event) => commit(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && commit(event.currentTarget.value)}
          styles={{ input: { fontFamily: 'var(--g-mono)' } }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
