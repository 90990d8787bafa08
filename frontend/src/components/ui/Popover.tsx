import { Popover as BasePopover } from '@base-ui/react/popover';
import type { ReactNode } from 'react';
import styles from './Popover.module.css';

interface PopoverProps {
  /** Content of the button that opens the popover. Long text is truncated. */
  readonly trigger: ReactNode;
  /** Name of the popover for screen readers. */
  readonly label: string;
  readonly children: ReactNode;
}

/** Button that opens a small panel below it. Escape closes the panel and returns the focus. */
export function Popover({ trigger, label, children }: PopoverProps) {
  return (
    <BasePopover.Root>
      <BasePopover.Trigger className={styles.trigger}>
        <span className={styles.text}>{trigger}</span>
        <span aria-hidden="true">▾</span>
      </BasePopover.Trigger>
      <BasePopover.Portal>
        <BasePopover.Positioner className={styles.positioner} sideOffset={8} align="end">
          <BasePopover.Popup className={styles.popup} aria-label={label}>
            {children}
          </BasePopover.Popup>
        </BasePopover.Positioner>
      </BasePopover.Portal>
    </BasePopover.Root>
  );
}
