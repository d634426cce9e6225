// A number with a slider and a field, both saying the same.
import { NumberInput, Slider } from '@mantine/core';
import styles from './StylePanel.module.css';

type Props = {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  unit: string;
  onChange: (value: number) => void;
};

export function SliderRow({ label, value, min, max, step = 1, unit, onChange }: Props) {
  const shown = Math.round(value / step) * step;
  return (
    <div className={styles.slider}>
      <span>{label}</span>
      <Slider thumbLabel={label} value={shown} min={min} max={max} step={step} onChange={onChange} />
      <NumberInput
        aria-label={label}
        value={shown}
        min={min}
        max={max}
        step={step}
        suffix={unit === '%' ? '%' : ` ${unit}`}
        hideControls
        onChange={(next) => typeof next === 'number' && next >= min && next <= max && onChange(next)}
        styles={{ input: { textAlign: 'right', paddingInline: 6 } }}
      />
    </div>
  );
}
