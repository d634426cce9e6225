// An icon alone: always with a name, a tooltip, and the reason when it is off.
import { ActionIcon, Tooltip } from '@mantine/core';
import type { ComponentType, MouseEventHandler } from 'react';
import { Keys } from './Keys';

export type Icon = ComponentType<{ size?: number | string; stroke?: number | string }>;

type Props = {
  icon: Icon;
  label: string;
  onClick?: MouseEventHandler<HTMLButtonElement>;
  shortcut?: string | undefined;
  /** Why it cannot be used now; also turns it off. */
  disabledReason?: string | null | undefined;
  isActive?: boolean;
  size?: number;
  iconSize?: number;
  danger?: boolean;
  tooltipSide?: 'top' | 'right' | 'bottom' | 'left';
  'data-testid'?: string;
};

export function IconButton(props: Props) {
  const { icon: Shape, label, onClick, shortcut, disabledReason, isActive, danger, tooltipSide } = props;
  const tip = (
    <span style={{ display: 'inline-flex', gap: 8, alignItems: 'center' }}>
      {disabledReason ? `${label}: ${disabledReason}` : label}
      {shortcut && !disabledReason ? <Keys shortcut={shortcut} plain /> : null}
    </span>
  );
  return (
    <Tooltip label={tip} {...(tooltipSide ? { position: tooltipSide } : {})}>
      <ActionIcon
        aria-label={disabledReason ? `${label}: ${disabledReason}` : label}
        aria-pressed={isActive}
        variant={isActive ? 'light' : 'subtle'}
        color={danger ? 'red' : 'accent'}
        size={props.size ?? 28}
        data-disabled={disabledReason ? true : undefined}
        aria-disabled={disabledReason ? true : undefined}
        onClick={(event) => {
          if (disabledReason) event.preventDefault();
          else onClick?.(event);
        }}
        data-testid={props['data-testid']}
      >
        <Shape size={props.iconSize ?? 16} stroke={1.5} />
      </ActionIcon>
    </Tooltip>
  );
}
