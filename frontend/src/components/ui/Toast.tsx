import { Toast } from '@base-ui/react/toast';
import { type ReactNode, useMemo } from 'react';
import { commonTexts } from '../../i18n/common';
import { useTexts } from '../../i18n/useTexts';
import styles from './Toast.module.css';

const SHOWN_MS = 6000;

/** Short messages at the window's corner, announced to screen readers; F6 leads to them. */
export function ToastProvider({ children }: { readonly children: ReactNode }) {
  return (
    <Toast.Provider timeout={SHOWN_MS}>
      {children}
      <Toasts />
    </Toast.Provider>
  );
}

function Toasts() {
  const t = useTexts(commonTexts);
  const { toasts } = Toast.useToastManager();
  return (
    <Toast.Portal>
      <Toast.Viewport className={styles.viewport} aria-label={t('notifications')}>
        {toasts.map((toast) => (
          <Toast.Root key={toast.id} toast={toast} className={styles.toast}>
            <Toast.Content className={styles.content}>
              <div>
                <Toast.Title className={styles.title} render={<p />} />
                <Toast.Description className={styles.description} />
              </div>
              <Toast.Close className={styles.close} aria-label={t('close')}>
                ×
              </Toast.Close>
            </Toast.Content>
          </Toast.Root>
        ))}
      </Toast.Viewport>
    </Toast.Portal>
  );
}

interface Message {
  readonly title: string;
  readonly description?: string;
}

/** `done` for what worked, `failed` for what did not. */
export function useToast() {
  const { add } = Toast.useToastManager();
  return useMemo(
    () => ({
      done: (message: Message) => void add({ ...message, type: 'done', priority: 'low' }),
      failed: (message: Message) => void add({ ...message, type: 'failed', priority: 'high' }),
    }),
    [add],
  );
}
