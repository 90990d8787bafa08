import { Toast } from '@base-ui/react/toast';
import { type ReactNode, useMemo } from 'react';
import { commonTexts } from '../../i18n/common';
import { useProblemText } from '../../i18n/useProblemText';
import { useRequestIdText } from '../../i18n/useRequestIdText';
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

/** `done` for what worked, `failed` for what did not, `refused` for a failure of the API. */
export function useToast() {
  const { add } = Toast.useToastManager();
  const words = useProblemText();
  const requestId = useRequestIdText();
  return useMemo(
    () => ({
      done: (message: Message) => void add({ ...message, type: 'done', priority: 'low' }),
      failed: (message: Message) => void add({ ...message, type: 'failed', priority: 'high' }),
      // Stays until it is closed: its request id is to be copied.
      refused: (error: unknown) =>
        void add({
          title: words(error),
          description: requestId(error),
          type: 'failed',
          priority: 'high',
          timeout: 0,
        }),
    }),
    [add, words, requestId],
  );
}
