import { AlertDialog } from '@base-ui/react/alert-dialog';
import type { ReactNode } from 'react';
import { commonTexts } from '@/i18n/common/commonTexts';
import { useTexts } from '@/i18n/useTexts';
import { Button } from './Button';
import styles from './ConfirmDialog.module.css';

interface ConfirmDialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: ReactNode;
  readonly children: ReactNode;
  readonly confirmLabel: string;
  readonly onConfirm: () => void;
  readonly busy?: boolean;
}

/** Dialog that asks before an action that cannot be undone. It traps the focus and restores it; Escape cancels. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const t = useTexts(commonTexts);
  return (
    <AlertDialog.Root open={props.open} onOpenChange={(open) => open || props.onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={styles.backdrop} />
        <AlertDialog.Popup className={styles.popup}>
          <AlertDialog.Title className={styles.title}>{props.title}</AlertDialog.Title>
          <AlertDialog.Description className={styles.text} render={<div />}>
            {props.children}
          </AlertDialog.Description>
          <div className={styles.actions}>
            <Button onClick={props.onClose}>{t('cancel')}</Button>
            <Button variant="danger" busy={props.busy ?? false} onClick={props.onConfirm}>
              {props.confirmLabel}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
